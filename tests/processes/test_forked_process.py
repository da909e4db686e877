"""Programs that begin as copies of the supervisor behave like started ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.forked_process import WORKS

pytestmark = pytest.mark.skipif(not WORKS, reason="processes are copied on Linux only")
PARENT = """
import fcntl, sys, time
from pathlib import Path
from runtime.processes import ChildProgram, ProcessSupervisor, run_to_end, ProgramFailed

place = Path({place!r})
lock = (place / "lock").open("w")
fcntl.flock(lock, fcntl.LOCK_EX)
supervisor = ProcessSupervisor(print)
log = place / "log"
command = [sys.executable, "-m", "sleeper", "one", "two"]
child = supervisor.start(ChildProgram("sleeper", command, {{"TOLD": "by the supervisor"}}, log, watched=True))
while "up" not in (log.read_text() if log.exists() else ""):
    assert child.ended() is None, log.read_text()
    time.sleep(0.01)
assert child.hangs(60) is False and child.silent_s == 0.0
print((Path("/proc") / str(child.process.pid) / "cmdline").read_bytes().rstrip(bytes(1)).split(bytes(1)))
lock.close()
with (place / "lock").open("w") as again:
    fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
supervisor.stop()
print(child.process.poll())
try:
    run_to_end(ChildProgram("fails", [sys.executable, "-m", "failing"], log=log))
except ProgramFailed as error:
    print(error)
"""
SLEEPER = """
import os, signal, sys, time
from runtime.liveness import LifeSigns
LifeSigns().give()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
assert sys.stdin.read() == ""
assert __name__ == "__main__" and os.getpgid(0) == os.getpid()
print("up", sys.argv[1:], os.environ["TOLD"], sorted(os.listdir("/proc/self/fd"))[:3], flush=True)
time.sleep(60)
"""


def test_a_copy_runs_as_if_it_had_been_started(tmp_path: Path) -> None:
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    (tmp_path / "failing.py").write_text("import sys\nsys.exit('has failed')\n")
    ours = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())])}
    script = tmp_path / "a parent whose name leaves room for what its children are shown as.py"
    script.write_text(PARENT.format(place=str(tmp_path)))
    done = subprocess.run([sys.executable, str(script)], env=ours, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown, code, failed = done.stdout.splitlines()
    assert "'-m', b'sleeper', b'one', b'two'" in shown
    assert code == "7"
    assert failed.startswith("A part of Lautern cannot start") or "exit code 1" in failed
    log = (tmp_path / "log").read_text()
    assert "up ['one', 'two'] by the supervisor" in log
    assert "has failed" in log
