"""The supervisor restarts, gives up loudly, and ends in order."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime import processes
from runtime.installation import WAITS
from runtime.processes import Program, ProgramFailed, Supervisor
from runtime.saying import UNREACHABLE
from tests.real_parts.waiting import wait_until

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    monkeypatch.setattr(processes, "BACK_OFF_S", (0.01,))
    supervisor = Supervisor(said.append)
    yield supervisor
    supervisor.stop(1)


def test_what_is_killed_is_started_again(supervisor: Supervisor, said: list[str]) -> None:
    child = supervisor.start(Program("lamp", SLEEP))
    first = child.process.pid
    os.kill(first, signal.SIGKILL)

    def again() -> bool:
        supervisor.look()
        return child.process.pid != first and child.ended() is None

    wait_until(again)
    assert said == ["lamp died (killed by SIGKILL); started again in 0.01 s"]


ALIVE = "import time\nfrom runtime.signs import Signs\nwhile True:\n    Signs().give(); time.sleep(0.02)"


def test_what_hangs_is_killed_and_started_again(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "BACK_OFF_S", (0.01,))
    supervisor = Supervisor(said.append, hangs_s=0.5)
    child = supervisor.start(Program("lamp", [sys.executable, "-c", ALIVE], watched=True))
    try:
        _look_until(supervisor, lambda: child.silent_s is not None, "it gives signs of life")
        first = child.process.pid
        os.kill(first, signal.SIGSTOP)
        _look_until(supervisor, lambda: child.process.pid != first and child.silent_s is not None, "it runs again")
    finally:
        supervisor.stop(1)
    assert said == [
        "lamp hangs: no sign of life for 0.5 s; killed",
        "lamp died (killed by SIGKILL); started again in 0.01 s",
    ]


def test_one_that_gives_signs_of_life_is_left_alone(said: list[str]) -> None:
    supervisor = Supervisor(said.append, hangs_s=0.5)
    child = supervisor.start(Program("lamp", [sys.executable, "-c", ALIVE], watched=True))
    try:
        _look_until(supervisor, lambda: child.silent_s is not None, "it gives signs of life")
        began = time.monotonic()
        _look_until(supervisor, lambda: time.monotonic() - began > 1, "twice as long as it may be silent")
    finally:
        supervisor.stop(1)
    assert said == []


def test_one_that_has_not_begun_yet_is_left_alone(said: list[str]) -> None:
    """Bringing the tables up to date may take long."""
    supervisor = Supervisor(said.append, hangs_s=0.0)
    child = supervisor.start(Program("lamp", SLEEP, watched=True))
    for _ in range(3):
        supervisor.look()
    supervisor.stop(1)
    assert (said, child.silent_s) == ([], None)


def test_a_supervisor_that_was_frozen_kills_nobody(supervisor: Supervisor) -> None:
    child = supervisor.start(Program("lamp", SLEEP, watched=True))
    child.silent_s, child.looked_at = 0.0, time.monotonic() - 3600
    assert not child.hangs(after_s=50)


def _look_until(supervisor: Supervisor, condition: Callable[[], bool], what: str) -> None:
    def looked() -> bool:
        supervisor.look()
        return condition()

    wait_until(looked, what=what)


def test_what_dies_again_and_again_ends_all_with_its_last_words(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(Program("lamp", [sys.executable, "-c", "import sys; sys.exit('no bulb')"], log=tmp_path / "log"))

    def look_for_ever() -> bool:
        supervisor.look()
        return False

    with pytest.raises(ProgramFailed, match=r"(?s)lamp: exit code 1, 6 times.*no bulb"):
        wait_until(look_for_ever, timeout_s=30)


def test_one_that_cannot_work_yet_is_not_dead(supervisor: Supervisor, said: list[str]) -> None:
    child = supervisor.start(Program("gateway", [sys.executable, "-c", "raise SystemExit(4)"], waits={4: 0.01}))
    turns: set[int] = set()

    def many_turns() -> bool:
        turns.add(child.process.pid)
        supervisor.look()
        return len(turns) > processes.TOO_OFTEN

    wait_until(many_turns, timeout_s=30)
    assert said[0] == "gateway cannot work yet (exit code 4); started again in 0.01 s"


def test_a_registry_that_is_away_is_waited_for_without_end() -> None:
    """Even if each try took no time, fewer are made than end the supervisor."""
    assert processes.WITHIN_S / WAITS[UNREACHABLE] < processes.TOO_OFTEN * 5


def test_one_that_shall_end_is_left_alone(supervisor: Supervisor, said: list[str]) -> None:
    child = supervisor.start(Program("city", [sys.executable, "-c", ""], once=True))
    wait_until(lambda: child.ended() == 0)
    first = child.process.pid
    for _ in range(3):
        supervisor.look()
    assert (child.process.pid, said) == (first, [])


def test_all_end_in_reverse_order_of_start(supervisor: Supervisor, tmp_path: Path) -> None:
    record = tmp_path / "ended"
    program = (
        "import signal, sys, time\n"
        "def end(*_):\n    open(sys.argv[1], 'a').write(sys.argv[2]); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); open(sys.argv[1] + sys.argv[2], 'w'); time.sleep(600)"
    )
    for name in "abc":
        supervisor.start(Program(name, [sys.executable, "-c", program, str(record), name]))
    wait_until(lambda: all((tmp_path / f"ended{name}").exists() for name in "abc"))
    supervisor.stop()
    assert record.read_text() == "cba"


def test_one_that_does_not_listen_is_killed(supervisor: Supervisor, tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = supervisor.start(Program("deaf", [sys.executable, "-c", STUBBORN], log=log))
    wait_until(lambda: log.exists() and "up" in log.read_text())
    supervisor.stop(0.2)
    assert child.process.returncode == -signal.SIGKILL


def test_what_a_program_started_ends_with_it(supervisor: Supervisor, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    program = (
        f"import subprocess, time; p = subprocess.Popen({SLEEP!r}); "
        f"open({str(file)!r}, 'w').write(str(p.pid) + '.'); time.sleep(600)"
    )
    supervisor.start(Program("parent", [sys.executable, "-c", program]))
    wait_until(lambda: file.exists() and file.read_text().endswith("."))
    grandchild = int(file.read_text().rstrip("."))
    supervisor.stop()
    wait_until(lambda: not alive(grandchild))


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie that nobody waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_log_that_grows_too_long_is_cut(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LOG_BYTES", 100)
    log = tmp_path / "log"
    program = "import time\nwhile True:\n    print('x' * 50, flush=True); time.sleep(0.01)"
    supervisor.start(Program("talker", [sys.executable, "-c", program], log=log))
    wait_until(lambda: log.exists() and log.stat().st_size > 1000)
    supervisor.look()
    assert log.stat().st_size < 1000
