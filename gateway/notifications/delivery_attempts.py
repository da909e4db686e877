"""Attempts to deliver, each in a thread of its own: some at a time, none holds up the loop, none lasts for ever."""

import threading
import time
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from application.notifications.errors import NotDelivered
from devices.errors import LauternError

log = structlog.get_logger()
DEADLINE_S: Final = 20.0
MOST: Final = 6


class DeliveryAttempt(Protocol):
    """One try to deliver one message; `run` is called once, `cut` from another thread, as often as one likes."""

    def run(self) -> None:
        """Return when the message has arrived. Raises NotDelivered, Undeliverable, NotAllowed."""

    def cut(self) -> None:
        """Let `run` end soon."""


@dataclass(slots=True)
class RunningAttempt:
    """An attempt under way; `error` None after the end means that the message has arrived."""

    key: str
    attempt: DeliveryAttempt
    began: float = field(default_factory=time.monotonic)
    error: LauternError | None = None
    thread: threading.Thread | None = None

    def work(self) -> None:
        """Body of the thread."""
        try:
            self.attempt.run()
        except LauternError as error:
            self.error = error
        except Exception as error:  # one message must not keep all others, or end the gateway
            log.exception("delivery_broke", delivery=self.key)
            self.error = NotDelivered("error_of_ours", why=type(error).__name__)


class DeliveryAttempts:
    """Begun and looked after by one thread."""

    def __init__(self, most: int = MOST, deadline_s: float = DEADLINE_S) -> None:
        self._most = most
        self._deadline_s = deadline_s
        self._running: dict[str, RunningAttempt] = {}

    def free(self) -> int:
        """How many more may begin."""
        return self._most - len(self._running)

    def running(self, key: str) -> bool:
        """Whether the attempt of this key is under way."""
        return key in self._running

    def begin(self, key: str, attempt: DeliveryAttempt) -> None:
        """Start a thread for it."""
        running = self._running[key] = RunningAttempt(key, attempt)
        running.thread = threading.Thread(target=running.work, name=f"deliver-{key[:8]}", daemon=True)
        running.thread.start()

    def ended(self) -> list[tuple[str, LauternError | None]]:
        """Those that ended since the last call, each with why it failed; cuts those that last too long."""
        found = []
        for key, running in list(self._running.items()):
            if running.thread is not None and running.thread.is_alive():
                if time.monotonic() - running.began > self._deadline_s:
                    running.attempt.cut()
                continue
            del self._running[key]
            found.append((key, running.error))
        return found

    def close(self, wait_s: float = 2.0) -> None:
        """Cut all; what had not arrived is tried again after the next start."""
        deadline = time.monotonic() + wait_s
        for running in self._running.values():
            running.attempt.cut()
        for running in self._running.values():
            if running.thread is not None:
                running.thread.join(max(0.0, deadline - time.monotonic()))
