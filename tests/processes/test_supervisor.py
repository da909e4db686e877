"""The supervisor restarts without end, tells what keeps dying, and ends all in order."""

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from application.health.faults import SystemFault
from runtime import open_files, process_faults, processes
from runtime.processes import ChildProgram, ProcessSupervisor, ProgramFailed
from tests.real_parts.waiting import wait_until

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[ProcessSupervisor]:
    monkeypatch.setattr(processes, "BACK_OFF_S", (0.01,))
    supervisor = ProcessSupervisor(said.append)
    yield supervisor
    supervisor.stop(1)


def test_what_is_killed_is_started_again(supervisor: ProcessSupervisor, said: list[str]) -> None:
    child = supervisor.start(ChildProgram("lamp", SLEEP))
    first = child.process.pid
    os.kill(first, signal.SIGKILL)

    def again() -> bool:
        supervisor.restart_dead()
        return child.process.pid != first and child.ended() is None

    wait_until(again)
    assert said == ["lamp died (killed by SIGKILL); started again in 0.01 s"]


ALIVE = "import time\nfrom runtime.liveness import LifeSigns\nwhile True:\n    LifeSigns().give(); time.sleep(0.02)"


def test_what_hangs_is_killed_and_started_again(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "BACK_OFF_S", (0.01,))
    supervisor = ProcessSupervisor(said.append, hangs_s=0.5)
    child = supervisor.start(ChildProgram("lamp", [sys.executable, "-c", ALIVE], watched=True))
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
    supervisor = ProcessSupervisor(said.append, hangs_s=0.5)
    child = supervisor.start(ChildProgram("lamp", [sys.executable, "-c", ALIVE], watched=True))
    try:
        _look_until(supervisor, lambda: child.silent_s is not None, "it gives signs of life")
        began = time.monotonic()
        _look_until(supervisor, lambda: time.monotonic() - began > 1, "twice as long as it may be silent")
    finally:
        supervisor.stop(1)
    assert said == []


def test_one_that_has_not_begun_yet_is_left_alone(said: list[str]) -> None:
    """Bringing the tables up to date may take long."""
    supervisor = ProcessSupervisor(said.append, hangs_s=0.0)
    child = supervisor.start(ChildProgram("lamp", SLEEP, watched=True))
    for _ in range(3):
        supervisor.restart_dead()
    supervisor.stop(1)
    assert (said, child.silent_s) == ([], None)


def test_a_supervisor_that_was_frozen_kills_nobody(supervisor: ProcessSupervisor) -> None:
    child = supervisor.start(ChildProgram("lamp", SLEEP, watched=True))
    child.silent_s, child.looked_at = 0.0, time.monotonic() - 3600
    assert not child.hangs(after_s=50)


def _look_until(supervisor: ProcessSupervisor, condition: Callable[[], bool], what: str) -> None:
    def looked() -> bool:
        supervisor.restart_dead()
        return condition()

    wait_until(looked, what=what)


BROKEN = [sys.executable, "-c", "import sys; sys.exit('no bulb')"]


def test_what_dies_again_and_again_is_told_once_and_started_for_ever(
    said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "BACK_OFF_S", (0.01,))
    record = tmp_path / process_faults.FILE
    supervisor = ProcessSupervisor(said.append, record=record)
    try:
        child = supervisor.start(ChildProgram("lamp", BROKEN, log=tmp_path / "log"))
        other = supervisor.start(ChildProgram("drone", SLEEP))
        _look_until(supervisor, lambda: len(child.deaths) > 3 * processes.TOO_OFTEN, "many deaths")
        assert other.ended() is None, "no other one ends with it"
        told = [text for text in said if "again and again" in text]
        assert len(told) == 1
        assert "exit code 1" in told[0]
        assert told[0].endswith("no bulb")
        (fault,) = process_faults.read_process_faults(record)
        assert (fault.name, fault.why, fault.last_words.endswith("no bulb")) == ("lamp", "exit code 1", True)
        (beat,) = process_faults.process_heartbeats(record, fault.since_us)
        assert (beat.part, beat.ok, beat.detail["fault"]) == ("process/lamp", False, SystemFault.PROCESS_DIES)
        assert "no bulb" not in beat.detail["text"], "readiness is for all to see"
    finally:
        supervisor.stop(1)
    assert process_faults.read_process_faults(record) == [], "nothing is left of it when the supervisor ends"


def test_a_port_that_another_program_took_is_told_at_the_first_death(
    said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "WORKS_S", 0.0)
    record, words = tmp_path / process_faults.FILE, "listen tcp 127.0.0.1:1883: bind: address already in use"
    supervisor = ProcessSupervisor(said.append, record=record)
    log = tmp_path / "log"
    log.write_text("it listens\n")
    child = supervisor.start(ChildProgram("broker", SLEEP, log=log))
    try:
        child.process.kill()  # as one whose port is then taken by somebody who was faster
        _look_until(supervisor, lambda: len(child.deaths) == 1, "one death")
        assert process_faults.read_process_faults(record) == []
        child.program = ChildProgram("broker", [sys.executable, "-c", f"import sys; sys.exit({words!r})"], log=log)
        _look_until(supervisor, record.exists, "its second death")
        (fault,) = process_faults.read_process_faults(record)
        assert fault.fault is SystemFault.PORT_TAKEN
        assert "127.0.0.1:1883" in fault.said
        child.program = ChildProgram("broker", SLEEP)
        _look_until(supervisor, lambda: not record.exists(), "its end")
    finally:
        supervisor.stop(1)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system does not tell of open files")
def test_open_files_that_run_short_are_told_and_that_ends(
    said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of a process that it started, too, as the gateway's receiver."""
    monkeypatch.setattr(open_files, "EVERY_S", 0.0)
    monkeypatch.setattr(processes, "WORKS_S", 0.0)
    record, freed = tmp_path / process_faults.FILE, tmp_path / "freed"
    opens = (
        "import os, pathlib, resource, time; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
        "held = [os.open('/dev/null', os.O_RDONLY) for _ in range(50)]\n"
        f"while not pathlib.Path({str(freed)!r}).exists(): time.sleep(0.02)\n"
        "[os.close(one) for one in held]; time.sleep(60)"
    )
    starts = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {opens!r}])"
    supervisor = ProcessSupervisor(said.append, record=record)
    supervisor.start(ChildProgram("gateway", [sys.executable, "-c", starts]))
    try:
        _look_until(supervisor, record.exists, "it is told")
        (fault,) = process_faults.read_process_faults(record)
        assert (fault.name, fault.fault) == ("gateway", SystemFault.FILES_SHORT)
        assert re.match(r"5\d of 64 files and connections are open since ", fault.said)
        freed.touch()
        _look_until(supervisor, lambda: not record.exists(), "it ends")
    finally:
        supervisor.stop(1)


def test_the_alarm_ends_when_it_lives_long_enough(said: list[str], tmp_path: Path) -> None:
    record = tmp_path / process_faults.FILE
    supervisor = ProcessSupervisor(said.append, record=record)
    child = supervisor.start(ChildProgram("lamp", SLEEP))
    child.troubled_us, child.deaths = 1, [time.monotonic()] * 3
    try:
        supervisor.restart_dead()
        assert [fault.name for fault in process_faults.read_process_faults(record)] == ["lamp"]
        child.deaths = [time.monotonic() - processes.WITHIN_S - 1]
        supervisor.restart_dead()
        assert process_faults.read_process_faults(record) == []
    finally:
        supervisor.stop(1)
    assert said == ["lamp works again"]


def test_one_that_was_to_end_and_did_is_in_no_trouble_any_more(
    said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "BACK_OFF_S", (0.01,))
    marks, record = tmp_path / "marks", tmp_path / process_faults.FILE
    fails_thrice = f"f = open({str(marks)!r}, 'a+'); f.write('x'); f.flush(); f.seek(0); exit(len(f.read()) < 4)"
    supervisor = ProcessSupervisor(said.append, record=record)
    supervisor.start(ChildProgram("city", [sys.executable, "-c", fails_thrice], once=True))
    try:
        _look_until(supervisor, record.exists, "its deaths are told")
        _look_until(supervisor, lambda: not record.exists(), "that it did its work")
    finally:
        supervisor.stop(1)
    assert marks.read_text() == "xxxx"


def test_what_dies_again_waits_longer_each_time_and_less_than_what_is_promised_for_recovery(said: list[str]) -> None:
    supervisor = ProcessSupervisor(said.append)
    child = supervisor.start(ChildProgram("lamp", BROKEN))
    pauses: list[float] = []
    try:
        while len(pauses) < 8:
            wait_until(lambda: child.ended() is not None)
            before = time.monotonic()
            supervisor.restart_dead()
            assert child.again_at is not None
            pauses.append(child.again_at - before)
            child.again_at = 0.0
            supervisor.restart_dead()
    finally:
        supervisor.stop(1)
    told = [float(pause) for pause in re.findall(r"started again in (\S+) s", "\n".join(said))]
    assert told == sorted(told)
    assert told[0] < 1
    assert 10 <= told[-1] <= 20
    assert all(pause >= least for pause, least in zip(pauses, told, strict=True))


UNFIT = "import sys\nfrom runtime.liveness import LifeSigns\nLifeSigns().end('no such lamp'); sys.exit(2)"


def test_one_that_can_never_work_ends_all_at_its_first_start_with_its_words(supervisor: ProcessSupervisor) -> None:
    supervisor.start(ChildProgram("lamp", [sys.executable, "-c", UNFIT], refuses=frozenset({2}), watched=True))
    with pytest.raises(ProgramFailed, match="lamp: no such lamp"):
        _look_until(supervisor, lambda: False, "an end")


def test_one_that_worked_before_is_started_again_although_it_refuses_now(
    supervisor: ProcessSupervisor, said: list[str]
) -> None:
    child = supervisor.start(ChildProgram("lamp", [sys.executable, "-c", UNFIT], refuses=frozenset({2}), watched=True))
    child.worked = True
    _look_until(supervisor, lambda: len(child.deaths) > processes.TOO_OFTEN, "deaths")
    assert any("no such lamp" in text for text in said)


def test_one_that_runs_and_does_not_work_is_ended_and_started_again(
    supervisor: ProcessSupervisor, said: list[str]
) -> None:
    child = supervisor.start(ChildProgram("broker", SLEEP))
    first = child.process.pid
    supervisor.restart(child, "takes no messages")
    _look_until(supervisor, lambda: child.process.pid != first and child.ended() is None, "another one")
    assert said[0] == "broker takes no messages; killed"
    assert child.why == "takes no messages"


def test_one_that_cannot_work_yet_is_not_dead(supervisor: ProcessSupervisor, said: list[str]) -> None:
    child = supervisor.start(ChildProgram("gateway", [sys.executable, "-c", "raise SystemExit(4)"], waits={4: 0.01}))
    turns: set[int] = set()

    def many_turns() -> bool:
        turns.add(child.process.pid)
        supervisor.restart_dead()
        return len(turns) > 2 * processes.TOO_OFTEN

    wait_until(many_turns, timeout_s=30)
    assert set(said) == {"gateway cannot work yet (exit code 4); started again in 0.01 s"}
    assert child.deaths == []


def test_one_that_shall_end_is_left_alone(supervisor: ProcessSupervisor, said: list[str]) -> None:
    child = supervisor.start(ChildProgram("city", [sys.executable, "-c", ""], once=True))
    wait_until(lambda: child.ended() == 0)
    first = child.process.pid
    for _ in range(3):
        supervisor.restart_dead()
    assert (child.process.pid, said) == (first, [])


def test_all_end_in_reverse_order_of_start(supervisor: ProcessSupervisor, tmp_path: Path) -> None:
    record = tmp_path / "ended"
    program = (
        "import signal, sys, time\n"
        "def end(*_):\n    open(sys.argv[1], 'a').write(sys.argv[2]); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); open(sys.argv[1] + sys.argv[2], 'w'); time.sleep(600)"
    )
    for name in "abc":
        supervisor.start(ChildProgram(name, [sys.executable, "-c", program, str(record), name]))
    wait_until(lambda: all((tmp_path / f"ended{name}").exists() for name in "abc"))
    supervisor.stop()
    assert record.read_text() == "cba"


def test_one_that_does_not_listen_is_killed(supervisor: ProcessSupervisor, tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = supervisor.start(ChildProgram("deaf", [sys.executable, "-c", STUBBORN], log=log))
    wait_until(lambda: log.exists() and "up" in log.read_text())
    supervisor.stop(0.2)
    assert child.ended() == -signal.SIGKILL


def test_what_a_program_started_ends_with_it(supervisor: ProcessSupervisor, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    program = (
        f"import subprocess, time; p = subprocess.Popen({SLEEP!r}); "
        f"open({str(file)!r}, 'w').write(str(p.pid) + '.'); time.sleep(600)"
    )
    supervisor.start(ChildProgram("parent", [sys.executable, "-c", program]))
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
    supervisor: ProcessSupervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LOG_BYTES", 100)
    log = tmp_path / "log"
    program = "import time\nwhile True:\n    print('x' * 50, flush=True); time.sleep(0.01)"
    supervisor.start(ChildProgram("talker", [sys.executable, "-c", program], log=log))
    wait_until(lambda: log.exists() and log.stat().st_size > 1000)
    supervisor.restart_dead()
    assert log.stat().st_size < 1000
