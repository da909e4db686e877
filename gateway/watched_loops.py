"""Named loops, one thread each, watched: a dead or stuck one ends the program loudly; stopped in reverse order."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from application.health.faults import SystemFault, fault_of
from devices.errors import JournalUnavailable, RegistryUnavailable, StoreUnavailable

log = structlog.get_logger()
_RETRY_S = (0.1, 0.2, 0.5, 1, 2, 5)
PASSING = (StoreUnavailable, RegistryUnavailable, JournalUnavailable)
"""Errors that pass by themselves: the step is tried again for ever."""
PATIENCE_S = 45.0
"""A step without a sign of life for so long hangs. Each wait for a server of others ends after 20 s at most."""


@dataclass(slots=True)
class WatchedLoop:
    """Calls `step` until stopped; `step` tells whether more is to do at once.

    `at_least_s` is the pause between two steps that found work, for loops whose work is cheaper in larger bites.
    `troubles` counts steps that were put off since start, `failures` those since the last good one.
    """

    name: str
    step: Callable[[], object]
    idle_s: float
    at_least_s: float = 0.0
    patience_s: float = PATIENCE_S
    trouble: str | None = None
    fault: SystemFault | None = None
    failures: int = 0
    troubles: int = 0
    last_ok: float = field(default_factory=time.monotonic)
    died: BaseException | None = None
    thread: threading.Thread | None = None
    _moved: float | None = None
    """Last sign of life within a step; None between two."""

    def alive(self) -> None:
        """Give a sign of life from within a step that takes long, such as after each answer of a server."""
        self._moved = time.monotonic()

    def still_s(self) -> float:
        """Seconds since the last sign of life within the present step; 0 between two."""
        moved = self._moved
        return 0.0 if moved is None else time.monotonic() - moved

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
            self.alive()
            worked = self.step()
        except PASSING as error:
            if self.trouble is None:
                log.warning("loop_waits", loop=self.name, reason=str(error))
            self.trouble, self.fault = str(error), fault_of(error)
            self.failures += 1
            self.troubles += 1
            return _RETRY_S[min(self.failures, len(_RETRY_S)) - 1]
        finally:
            self._moved = None
        if self.trouble is not None:
            log.info("loop_recovered", loop=self.name, failures=self.failures)
        self.trouble, self.fault, self.failures, self.last_ok = None, None, 0, time.monotonic()
        return self.at_least_s if worked else self.idle_s


class WatchedLoops:
    """Starts, watches and stops loops."""

    def __init__(self, stop_wait_s: float = 8) -> None:
        self._stop = threading.Event()
        self._loops: list[WatchedLoop] = []
        self._stop_wait_s = stop_wait_s

    def start(self, loop: WatchedLoop) -> WatchedLoop:
        """Start a loop in a thread of its name."""
        loop.thread = threading.Thread(target=loop.run, args=(self._stop,), name=loop.name, daemon=True)
        self._loops.append(loop)
        loop.thread.start()
        return loop

    def dead(self) -> WatchedLoop | None:
        """A loop whose thread ended although nobody asked."""
        return next((x for x in self._loops if x.thread and not x.thread.is_alive() and not self._stop.is_set()), None)

    def stuck(self) -> WatchedLoop | None:
        """A loop whose step hangs beyond its patience."""
        return next((x for x in self._loops if x.still_s() > x.patience_s), None)

    def alive(self) -> None:
        """Sign of life of the calling thread's loop; nothing for other threads."""
        caller = threading.current_thread()
        for loop in self._loops:
            if loop.thread is caller:
                loop.alive()

    def all(self) -> list[WatchedLoop]:
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
