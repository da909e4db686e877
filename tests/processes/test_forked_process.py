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
print(type(child.process).__name__, child.process.poll())
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
    shown, ended, failed = done.stdout.splitlines()
    assert "'-m', b'sleeper', b'one', b'two'" in shown
    assert ended == "ForkedProcess 7"
    assert failed.startswith("A part of Lautern cannot start") or "exit code 1" in failed
    log = (tmp_path / "log").read_text()
    assert "up ['one', 'two'] by the supervisor" in log
    assert "has failed" in log


STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.alarm(60)
print("up", flush=True)
signal.pause()
"""
IMPATIENT = """
import signal, sys, time
from pathlib import Path
from runtime.processes import ChildProgram, ProcessSupervisor, run_to_end, ProgramFailed

log = Path({log!r})
program = ChildProgram("stubborn", [sys.executable, "-m", "stubborn"], log=log)
supervisor = ProcessSupervisor(print)
child = supervisor.start(program)
while "up" not in log.read_text():
    time.sleep(0.01)
supervisor.stop(0.1)
print(type(child.process).__name__, child.process.poll() == -signal.SIGKILL)
try:
    run_to_end(program, 0.1)
except ProgramFailed as error:
    print(error)
"""


def test_a_copy_that_does_not_end_in_time_is_killed(tmp_path: Path) -> None:
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    ours = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())])}
    program = IMPATIENT.format(log=str(tmp_path / "log"))
    with subprocess.Popen([sys.executable, "-c", program], env=ours, stdout=subprocess.PIPE, text=True) as running:
        try:
            said, _ = running.communicate(timeout=30)
        finally:
            running.kill()
    killed, failed = said.splitlines()
    assert killed == "ForkedProcess True"
    assert failed.endswith("stubborn: has not ended after 0.1 s")
