"""Starts programs, restarts what died, ends everything it started in reverse order; nothing outlives it."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from application.health.faults import SystemFault
from devices.errors import LauternError
from runtime import process_faults
from runtime.forked_process import ForkedProcess, StartedProcess, can_fork, is_ours
from runtime.liveness import VARIABLE, LifeSignReceiver
from runtime.open_files import OpenFiles
from runtime.process_faults import ProcessFault

BACK_OFF_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
"""Pause before each start again, the last for all further ones: what was away for long is back within 30 s."""
TOO_OFTEN: Final = 3
"""So many deaths are an alarm."""
WITHIN_S: Final = 180.0
"""Deaths longer ago are forgotten; without one for so long the alarm ends."""
WORKS_S: Final = 10.0
"""A program that lived so long, or gave a sign of life, could start: what ends it later passes or is mended."""
LOG_BYTES: Final = 20 * 2**20
TAIL_BYTES: Final = 4096
HANGS_S: Final = 45.0
"""A watched program that gave signs of life and none for so long hangs."""
_PORT_TAKEN: Final = "address already in use"
_SHOWN: Final = 200
"""Characters of the system's own words."""
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None)


class ProgramFailed(LauternError):
    """A part of Lautern cannot start."""


@dataclass(frozen=True, slots=True)
class ChildProgram:
    """What to run. `waits`: exit codes that mean "not yet", with the pause before the next try; they are no deaths."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    log: Path | None = None
    """File for its output, cut when it grows beyond 20 MB; None: ours."""
    waits: Mapping[int, float] = field(default_factory=dict)
    refuses: frozenset[int] = frozenset()
    """Exit codes by which it says at its first start that it can never work so."""
    once: bool = False
    """It may end by itself with code 0."""
    watched: bool = False
    """It gives signs of life (`runtime/liveness.py`); killed, and so started again, when it hangs."""


@dataclass(slots=True)
class ChildProcess:
    """A program that was started, with its deaths."""

    program: ChildProgram
    process: StartedProcess = field(init=False)
    deaths: list[float] = field(default_factory=list)
    again_at: float | None = None
    """When it will be started again; None while it runs."""
    listener: LifeSignReceiver | None = None
    silent_s: float | None = None
    """Time without a sign of life; None before the first."""
    looked_at: float = 0.0
    began: float = 0.0
    worked: bool = False
    """It could start at least once."""
    troubled_us: int | None = None
    """Since when it dies again and again, machine's clock."""
    why: str = ""
    """What its last death was."""
    last_words: str = ""
    port_taken: bool = False
    """By its last words another program listens where it wants to."""
    ended_for: str = ""
    """Why it was killed by us, until its death is noted."""

    def begin(self) -> None:
        """Start it, again."""
        self.close()
        self.again_at = self.silent_s = None
        self.began = time.monotonic()
        self.listener = LifeSignReceiver() if self.program.watched else None
        self.process = _spawn(self.program, None if self.listener is None else self.listener.writer)
        if self.listener is not None:
            self.listener.hand_over()

    def hangs(self, after_s: float) -> bool:
        """Tell whether it gave signs of life, and none for so long; called often.

        A look counts for a second at most: who was frozen himself does not take others for hanging.
        """
        now = time.monotonic()
        if self.listener is not None and self.listener.heard():
            self.silent_s = 0.0
        elif self.silent_s is not None:
            self.silent_s += min(1.0, now - self.looked_at)
        self.looked_at = now
        return self.silent_s is not None and self.silent_s > after_s

    def listen_once_more(self) -> None:
        """It ended: keep what it said last, and nothing of an earlier end."""
        self.last_words = ""
        if self.listener is not None:
            self.listener.heard()
            self.last_words = self.listener.last_words
        self.last_words = self.last_words or _tail(self.program.log)

    def close(self) -> None:
        """Stop listening to it."""
        if self.listener is not None:
            self.listener.close()
            self.listener = None

    def has_done(self) -> bool:
        """Tell whether it was to end, and did."""
        return self.again_at == float("inf")

    def ended(self) -> int | None:
        """Exit code, or None while it runs."""
        return self.process.poll()


class ProcessSupervisor:
    """Used by one thread. `say` tells people what happens; `record`: file for who asks (`runtime/process_faults.py`).

    It never gives up on what could once start: each is started again after a pause of its own, whatever others do.
    """

    def __init__(self, say: Callable[[str], None], hangs_s: float = HANGS_S, record: Path | None = None) -> None:
        self._say = say
        self._hangs_s = hangs_s
        self._record = record
        self._recorded: list[ProcessFault] | None = None
        self._open_files = OpenFiles()
        self._children: list[ChildProcess] = []

    @property
    def faults(self) -> Sequence[ProcessFault]:
        """What is on record, as of the last look."""
        return self._recorded or ()

    def start(self, program: ChildProgram) -> ChildProcess:
        """Start a program and watch over it from now on. Raises OSError."""
        child = ChildProcess(program)
        child.begin()
        self._children.append(child)
        return child

    def restart_dead(self) -> None:
        """Restart what died or hangs, after a growing pause. Raises ProgramFailed for what can never start."""
        for child in self._children:
            code = child.ended()
            if code is None:
                _cut(child.program.log)
                if child.hangs(self._hangs_s):
                    self.restart(child, f"hangs: no sign of life for {self._hangs_s:g} s")
                self._look_well(child)
            elif child.again_at is None:
                self._note_death(child, code)
            elif time.monotonic() >= child.again_at:
                child.begin()
        self._tell()

    def restart(self, child: ChildProcess, why: str) -> None:
        """End one that runs and does not work; it is started again like one that died."""
        self._say(f"{child.program.name} {why}; killed")
        child.ended_for = why
        _kill_group(child.process)

    def stop(self, within_s: float = 10.0) -> None:
        """End all in reverse order of start; killed when they do not end in time."""
        deadline = time.monotonic() + within_s
        for waiting, child in enumerate(reversed(self._children)):
            child_deadline = deadline - 0.5 * (len(self._children) - 1 - waiting)
            _end(child.process, max(0.5, child_deadline - time.monotonic()))
            child.close()
        self._children.clear()
        self._tell()

    def _look_well(self, child: ChildProcess) -> None:
        now = time.monotonic()
        child.worked = child.worked or child.silent_s is not None or now - child.began > WORKS_S
        lives_s = now - max(child.deaths, default=0.0)
        if child.troubled_us is not None and lives_s > (WORKS_S if child.port_taken else WITHIN_S):
            child.troubled_us, child.port_taken = None, False
            self._say(f"{child.program.name} works again")

    def _note_death(self, child: ChildProcess, code: int) -> None:
        now, name = time.monotonic(), child.program.name
        if child.program.once and code == 0:
            child.again_at, child.troubled_us = float("inf"), None
            return
        child.listen_once_more()
        if code in child.program.refuses and not child.worked:
            raise ProgramFailed(f"{name}: {child.last_words or _meaning(code)}")
        pause_s = child.program.waits.get(code)
        if pause_s is not None:
            self._say(f"{name} cannot work yet ({_meaning(code)}); started again in {pause_s:g} s")
        else:
            child.deaths = [at for at in child.deaths if now - at < WITHIN_S] + [now]
            pause_s = BACK_OFF_S[min(len(child.deaths), len(BACK_OFF_S)) - 1]
            child.why, child.ended_for = child.ended_for or _meaning(code), ""
            last_line = child.last_words.rpartition("\n")[2]
            child.port_taken = _PORT_TAKEN in last_line.lower()
            if child.port_taken:
                child.why = f"another program listens on its port ({last_line[-_SHOWN:]})"
            self._say(f"{name} died ({_meaning(code)}); started again in {pause_s:g} s")
            self._note_trouble(child)
        child.again_at = now + pause_s

    def _note_trouble(self, child: ChildProcess) -> None:
        if (len(child.deaths) >= TOO_OFTEN or child.port_taken) and child.troubled_us is None:
            child.troubled_us = time.time_ns() // 1000
            words = f"; its last words:\n{child.last_words}" if child.last_words else ""
            self._say(f"{child.program.name} dies again and again ({child.why}) and is started again for ever{words}")

    def _tell(self) -> None:
        """Bring the file up to date, also when the disk is full only later."""
        if self._record is None:
            return
        faults = [
            ProcessFault(
                child.program.name,
                child.troubled_us,
                len(child.deaths),
                child.why,
                child.last_words,
                SystemFault.PORT_TAKEN if child.port_taken else SystemFault.PROCESS_DIES,
            )
            for child in self._children
            if child.troubled_us is not None
        ]
        self._open_files.count_when_due(
            {child.program.name: child.process.pid for child in self._children if child.worked}
        )
        named = {fault.name for fault in faults}
        faults += [fault for fault in self._open_files.faults if fault.name not in named]
        if faults != self._recorded:
            with suppress(OSError):
                process_faults.write_process_faults(self._record, faults)
                self._recorded = faults


def run_to_end(program: ChildProgram, within_s: float | None = None) -> None:
    """Run to its end. Raises ProgramFailed when it fails, or has not ended by then."""
    process = _spawn(program)
    try:
        code = process.wait(within_s)
    except subprocess.TimeoutExpired as error:
        raise ProgramFailed(f"{program.name}: has not ended after {within_s:g} s") from error
    finally:
        _end(process, 5)
    if code != 0:
        raise ProgramFailed(f"{program.name}: {_meaning(code)}")


def _spawn(program: ChildProgram, signs: int | None = None) -> StartedProcess:
    output = None
    keep = () if signs is None else (signs,)
    told = {} if signs is None else {VARIABLE: str(signs)}
    if program.log is not None:
        program.log.parent.mkdir(parents=True, exist_ok=True)
        output = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        if is_ours(program.command) and can_fork():
            return _fork(program, {**program.environment, **told}, output, keep)
        return subprocess.Popen(
            list(program.command),
            env={**os.environ, **program.environment, **told},
            pass_fds=keep,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,  # Ctrl-C reaches us alone; we end them in order
            preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - we have one thread
        )
    finally:
        if output is not None:
            os.close(output)


def _fork(
    program: ChildProgram, environment: Mapping[str, str], output: int | None, keep: tuple[int, ...]
) -> ForkedProcess:
    dies = _die_with(os.getpid())

    def prepare() -> None:
        os.setpgid(0, 0)
        dies()

    with open(os.devnull) as nothing:  # noqa: PTH123 - a file of the system
        streams = {0: nothing.fileno()} | ({} if output is None else {1: output, 2: output})
        process = ForkedProcess(program.command, environment, streams=streams, keep=keep, prepare=prepare)
    with suppress(OSError):  # whoever comes first, so that we can end its group from now on
        os.setpgid(process.pid, process.pid)
    return process


def _die_with(parent: int) -> Callable[[], None]:
    """Have the kernel end the child when we are killed, where the system can do that (Linux)."""

    def prepare() -> None:
        if hasattr(_LIBC, "prctl"):
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def _end(process: StartedProcess, within_s: float) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(within_s)
        except subprocess.TimeoutExpired:
            process.kill()
    _kill_group(process)  # what it started and left behind


def _kill_group(process: StartedProcess) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _cut(log: Path | None) -> None:
    if log is not None and log.exists() and log.stat().st_size > LOG_BYTES:
        os.truncate(log, 0)


def _meaning(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _tail(log: Path | None) -> str:
    if log is None or not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-15:])
