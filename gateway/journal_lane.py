"""A journal lane as the cursors see it."""

from collections.abc import Callable

from application.ports.journal import JournalBatch, JournalReader


class JournalLane:
    """Reads one journal; `key` names the lane and its journal file, so that a new file begins anew.

    The two cursors use separate lanes objects' readers; only `released` is shared.
    """

    def __init__(self, key: str, reader: JournalReader, release: Callable[[int], None]) -> None:
        self.key = key
        self.reader = reader
        self._release = release
        self._released = 0

    def gather(self, after: int, at_most_messages: int, at_most_bytes: int) -> list[JournalBatch]:
        """Next batches in order, until one of the bounds is passed; at least one if there is any."""
        batches: list[JournalBatch] = []
        count = size = 0
        while count < at_most_messages and size < at_most_bytes:
            batch = self.reader.read(after)
            if batch is None:
                break
            batches.append(batch)
            after = batch.batch_id
            count += len(batch.messages)
            size += sum(len(message.payload) for message in batch.messages)
        return batches

    def release(self, through: int) -> bool:
        """Let the writer drop batches that both cursors have passed; tells whether there was something new."""
        if through <= self._released:
            return False
        self._released = through
        self._release(through)
        return True
