"""The journal writer's loop: what came in is committed to disk, then acknowledged."""

import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import structlog

from devices.errors import JournalUnavailable
from devices.ports.journal import JournalWriter
from devices.samples import RawMessage
from gateway.mqtt.connection import Connection
from gateway.mqtt.inbox import Arrival, Inbox

log = structlog.get_logger()
BATCH_MESSAGES = 2000
_INJECTED = -1


class Feeder:
    """Stepped by one thread; the only one that touches the journal writer."""

    def __init__(self, inbox: Inbox, writer: JournalWriter, connection: Connection) -> None:
        self._inbox = inbox
        self._writer = writer
        self._connection = connection
        self._held: list[Arrival] = []
        self._injected: deque[RawMessage] = deque()
        self._release_through = 0
        self._shed_seen = 0
        self._settled_at = 0.0
        self.journalled = 0
        self.injected_done = 0
        self.last_commit_us = 0
        self.trouble: str | None = None

    def inject(self, messages: Sequence[RawMessage]) -> None:
        """Journal messages that did not come from the broker now, such as replayed dead letters; from any thread."""
        self._injected.extend(messages)

    def release(self, through: int) -> None:
        """Drop batches up to this id with the next commit; from any thread."""
        self._release_through = through

    def step(self) -> int:
        """Commit and acknowledge what is there; returns how many messages. After trouble the same are tried again."""
        held = self._held or self._take()
        self._writer.release(self._release_through)
        if not held:
            self._idle()
            return 0
        self._held = held
        try:
            self._writer.append([a.message for a in held])
        except JournalUnavailable as error:
            self._stopped(error)
            return 0
        self._held = []
        self.injected_done += sum(a.epoch == _INJECTED for a in held)
        self.trouble = None
        self.journalled += len(held)
        self.last_commit_us = time.time_ns() // 1000
        self._connection.acknowledge(a for a in held if a.epoch != _INJECTED)
        return len(held)

    def _stopped(self, error: JournalUnavailable) -> None:
        if self.trouble is None:
            log.error("journal_stopped", connection=self._connection.name, reason=str(error))
        self.trouble = str(error)
        with suppress(JournalUnavailable):
            self._writer.settle()

    def _take(self) -> list[Arrival]:
        taken = self._inbox.take(BATCH_MESSAGES)
        while self._injected and len(taken) < BATCH_MESSAGES:
            taken.append(Arrival(_INJECTED, 0, self._injected.popleft()))
        return taken

    def _idle(self) -> None:
        now = time.monotonic()
        if now - self._settled_at > 1:
            self._settled_at = now
            with suppress(JournalUnavailable):
                self._writer.settle()
        if self._inbox.shed != self._shed_seen:
            self._shed_seen = self._inbox.shed
            self._connection.renew()

    def close(self) -> None:
        """Commit and acknowledge the rest, then close the journal."""
        while self.step():
            pass
        self._writer.close()
