"""Receiving a lane: what comes in is committed to the journal, then acknowledged; all in one thread."""

import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import structlog

from application.health.faults import SystemFault, fault_of
from application.ports.journal import JournalWriter
from devices.errors import JournalUnavailable
from devices.samples import RawMessage
from gateway.mqtt.connection import MqttConnection
from gateway.mqtt.inbox import MessageInbox, ReceivedBatch
from gateway.mqtt.quota_metering import QuotaMetering

log = structlog.get_logger()
BATCH_MESSAGES = 2000
BATCH_BYTES = 2 * 2**20
_INJECTED = -1
_RETRY_S = 0.2


class JournalIngest:
    """Stepped by one thread, which owns connection and journal writer."""

    def __init__(
        self,
        inbox: MessageInbox,
        writer: JournalWriter,
        connection: MqttConnection,
        wait_s: float,
        metering: QuotaMetering,
    ) -> None:
        self._inbox = inbox
        self._writer = writer
        self._connection = connection
        self._wait_s = wait_s
        self._metering = metering
        self._injected: deque[RawMessage] = deque()
        self._release_through = 0
        self._settled_at = 0.0
        self._again_at = 0.0
        self.journalled = 0
        self.injected_done = 0
        self.last_commit_us = 0
        self.trouble: str | None = None
        self.fault: SystemFault | None = None

    @property
    def received(self) -> int:
        """Messages that came in since start."""
        return self._inbox.received

    @property
    def waiting(self) -> int:
        """Messages that came in and are not acknowledged."""
        return len(self._inbox)

    def inject(self, messages: Sequence[RawMessage]) -> None:
        """Journal messages that did not come from the broker now, such as replayed dead letters; from any thread."""
        self._injected.extend(messages)

    def release(self, through: int) -> None:
        """Drop batches up to this id with the next commit; from any thread."""
        self._release_through = through

    def commit_received(self) -> bool:
        """Wait a moment for messages, commit and acknowledge what is there; after trouble the same are tried again.

        Tells whether that was all: then more at a time cost less, if they may wait.
        """
        self._connection.turn(self._wait_s)
        while self._injected:
            self._inbox.put(ReceivedBatch(_INJECTED, [self._injected.popleft()], [b""]))
        self._writer.release(self._release_through)
        if not len(self._inbox):
            self._settle()
            return False
        if time.monotonic() >= self._again_at:
            self._commit(self._inbox.peek(BATCH_MESSAGES, BATCH_BYTES))
        return not len(self._inbox)

    def _commit(self, batches: list[ReceivedBatch]) -> None:
        messages = [message for batch in batches for message in batch.messages]
        try:
            self._writer.append(messages)
        except JournalUnavailable as error:
            self._stopped(error)
            return
        self._inbox.drop(len(batches))
        self.trouble = self.fault = None
        self.journalled += len(messages)
        received = [batch for batch in batches if batch.epoch != _INJECTED]
        self.injected_done += len(messages) - sum(len(batch.messages) for batch in received)
        self.last_commit_us = time.time_ns() // 1000
        self._connection.acknowledge(received)
        self._metering.count((message for batch in received for message in batch.messages), self._connection.connects)

    def _stopped(self, error: JournalUnavailable) -> None:
        if self.trouble is None:
            log.error("journal_stopped", connection=self._connection.name, reason=str(error))
        self.trouble, self.fault = str(error), fault_of(error)
        self._again_at = time.monotonic() + _RETRY_S
        with suppress(JournalUnavailable):
            self._writer.settle()

    def _settle(self) -> None:
        now = time.monotonic()
        if now - self._settled_at > 1:
            self._settled_at = now
            with suppress(JournalUnavailable):
                self._writer.settle()

    def close(self) -> None:
        """Commit and acknowledge the rest, disconnect, close the journal."""
        while len(self._inbox) and self.trouble is None:
            self._commit(self._inbox.peek(BATCH_MESSAGES, BATCH_BYTES))
        self._connection.close()
        self._writer.close()
