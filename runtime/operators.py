"""Lets a short-lived program mail who runs the machine whenever what the supervisor has to say begins or ends."""

import time
from pathlib import Path
from typing import Final

from runtime.exit_codes import UNREACHABLE
from runtime.forked_process import module_command
from runtime.processes import ChildProcess, ChildProgram, ProcessSupervisor

TOLD: Final = "operators-told.json"
"""Beside the data: what each of them was told last."""
PAUSE_S: Final = 60.0
"""Between two mailings; what comes and goes meanwhile is not told."""


def mailing(arguments: list[str], log: Path | None = None) -> ChildProgram:
    """The program that mails what was not told yet; it waits for a mail server that is away."""
    command = module_command("runtime.operator_mail", *arguments)
    return ChildProgram("operator-mail", command, log=log, waits={UNREACHABLE: PAUSE_S}, once=True)


class Operators:
    """`tell_operators` is called often, by the supervisor's thread."""

    def __init__(self, supervisor: ProcessSupervisor, program: ChildProgram, told: Path) -> None:
        self._supervisor = supervisor
        self._program = program
        self._child: ChildProcess | None = None
        self._began = -PAUSE_S
        # What an earlier run told of may have ended.
        self._seen: frozenset[tuple[str, str]] | None = None if told.exists() else frozenset()

    def tell_operators(self) -> None:
        """Start the program when something began or ended, and it does not run."""
        now = time.monotonic()
        found = frozenset((fault.name, fault.fault) for fault in self._supervisor.faults)
        ended = self._child is None or self._child.has_done()
        if found == self._seen or not ended or now - self._began < PAUSE_S:
            return
        self._seen, self._began = found, now
        if self._child is None:
            self._child = self._supervisor.start(self._program)
        else:
            self._child.begin()
