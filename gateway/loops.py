"""Named loops, one thread each, watched: a dead loop ends the program loudly; stopped in reverse order of start."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from devices.errors import JournalUnavailable, RegistryUnavailable, StoreUnavailable

log = structlog.get_logger()
_RETRY_S = (0.1, 0.2, 0.5, 1, 2, 5)
PASSING = (StoreUnavailable, RegistryUnavailable, JournalUnavailable)
"""Errors that pass by themselves: the step is tried again for ever."""


@dataclass(slots=True)
class Loop:
    """Calls `step` until stopped; `step` tells whether more is to do at once.

    `at_least_s` is the pause between two steps that found work, for loops whose work is cheaper in larger bites.
    """

    name: str
    step: Callable[[], object]
    idle_s: float
    at_least_s: float = 0.0
    trouble: str | None = None
    failures: int = 0
    last_ok: float = field(default_factory=time.monotonic)
    died: BaseException | None = None
    thread: threading.Thread | None = None

    def run(self, stop: threading.Event) -> None:
        """Body of the thread."""
        try:
            while not stop.is_set():
                stop.wait(self._once())
        except BaseException as error:
            self.died = error
            log.exception("loop_died", loop=self.name)

    def _once(self) -> float:
        try:
            worked = self.step()
        except PASSING as error:
            if self.trouble is None:
                log.warning("loop_waits", loop=self.name, reason=str(error))
            self.trouble = str(error)
            self.failures += 1
            return _RETRY_S[min(self.failures, len(_RETRY_S)) - 1]
        if self.trouble is not None:
            log.info("loop_recovered", loop=self.name, failures=self.failures)
        self.trouble, self.failures, self.last_ok = None, 0, time.monotonic()
        return self.at_least_s if worked else self.idle_s


class Loops:
    """Starts, watches and stops loops."""

    def __init__(self, stop_wait_s: float = 8) -> None:
        self._stop = threading.Event()
        self._loops: list[Loop] = []
        self._stop_wait_s = stop_wait_s

    def start(self, loop: Loop) -> Loop:
        """Start a loop in a thread of its name."""
        loop.thread = threading.Thread(target=loop.run, args=(self._stop,), name=loop.name, daemon=True)
        self._loops.append(loop)
        loop.thread.start()
        return loop

    def dead(self) -> Loop | None:
        """A loop whose thread ended although nobody asked."""
        return next((x for x in self._loops if x.thread and not x.thread.is_alive() and not self._stop.is_set()), None)

    def all(self) -> list[Loop]:
        """All loops, in order of start."""
        return list(self._loops)

    def stop(self) -> list[str]:
        """Ask all to end; returns the names of those that did not in time."""
        self._stop.set()
        deadline = time.monotonic() + self._stop_wait_s
        for loop in reversed(self._loops):
            if loop.thread is not None:
                loop.thread.join(max(0.1, deadline - time.monotonic()))
        return [x.name for x in self._loops if x.thread is not None and x.thread.is_alive()]
