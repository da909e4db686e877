"""Replayed dead letters: journalled again with their time of receipt, then judged like any message."""

from collections.abc import Callable

from application.ports.dead_letters import DeadLetter, DeadLetters
from application.ports.registry import Registry
from devices.samples import RawMessage
from gateway.mqtt.journal_ingest import JournalIngest


class DeadLetterReplay:
    """Stepped by one thread. A letter is marked only when its message is on disk; twice is harmless."""

    def __init__(self, registry: Registry, feeder: JournalIngest, now_us: Callable[[], int]) -> None:
        self._registry = registry
        self._feeder = feeder
        self._now_us = now_us
        self._waiting: list[DeadLetter] = []
        self._done_at = 0

    def replay_requested(self) -> bool:
        """Journal what is asked for, mark what is journalled; tells whether something moved."""
        if self._waiting:
            return self._mark()
        with self._registry.read() as tx:
            self._waiting = [letter for letter in tx.get(DeadLetters).replays() if letter.payload is not None]
        if not self._waiting:
            return False
        self._done_at = self._feeder.injected_done + len(self._waiting)
        self._feeder.inject(
            [
                RawMessage(x.topic, x.payload or b"", x.qos, x.retained, duplicate=True, received_us=x.received_us)
                for x in self._waiting
            ]
        )
        return True

    def _mark(self) -> bool:
        if self._feeder.injected_done < self._done_at:
            return False
        with self._registry.write() as tx:
            tx.get(DeadLetters).mark_replayed([letter.letter_id for letter in self._waiting], self._now_us())
        self._waiting = []
        return True
