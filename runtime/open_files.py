"""How many files and connections running processes have open, of how many they may; Linux tells, others are silent."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from application.health.faults import SystemFault
from runtime.process_faults import ProcessFault

EVERY_S: Final = 5.0
SHORT_PCT: Final = 80
"""Told from here on: the last fifth is for what must not fail, such as journals and databases."""
ENOUGH_PCT: Final = 70
"""It ends below this."""
_PROC: Final = Path("/proc")


class OpenFiles:
    """Looked at by the supervisor; `faults` is what it found last."""

    def __init__(self) -> None:
        self._looked = -EVERY_S
        self._since_us: dict[str, int] = {}
        self.faults: list[ProcessFault] = []

    def count_when_due(self, running: Mapping[str, int]) -> None:
        """Count, when due, what each of these and the processes it started have open; by name, process id."""
        now = time.monotonic()
        if now - self._looked < EVERY_S:
            return
        self._looked = now
        self.faults = [fault for name, pid in running.items() if (fault := self._fault(name, pid)) is not None]
        self._since_us = {fault.name: fault.since_us for fault in self.faults}

    def _fault(self, name: str, pid: int) -> ProcessFault | None:
        fullest = max((found for one in (pid, *_started_by(pid)) if (found := used(one))), key=_pct, default=None)
        bound_pct = ENOUGH_PCT if name in self._since_us else SHORT_PCT
        if fullest is None or _pct(fullest) < bound_pct:
            return None
        since_us = self._since_us.get(name, time.time_ns() // 1000)
        why = f"{fullest[0]:,} of {fullest[1]:,} files and connections are open"
        return ProcessFault(name, since_us, 0, why, "", SystemFault.FILES_SHORT)


def used(pid: int) -> tuple[int, int] | None:
    """Open files of a process and how many it may have; None where that is not told or without a limit."""
    try:
        limits = (_PROC / str(pid) / "limits").read_text()
        line = next(line for line in limits.splitlines() if line.startswith("Max open files"))
        limit = line.split()[3]
        return (sum(1 for _ in (_PROC / str(pid) / "fd").iterdir()), int(limit)) if limit.isdecimal() else None
    except (OSError, StopIteration):
        return None


def _pct(found: tuple[int, int]) -> float:
    return 100 * found[0] / max(1, found[1])


def _started_by(pid: int) -> list[int]:
    try:
        tasks = list((_PROC / str(pid) / "task").glob("*/children"))
        return [int(child) for task in tasks for child in task.read_text().split()]
    except OSError:
        return []
