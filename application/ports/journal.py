"""The journal: raw messages on disk before they are acknowledged. One writing process, one reading process per lane."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from devices.samples import RawMessage


class JournalBatch(NamedTuple):
    """Messages committed together; ids rise by one, and jump when the file is opened; none is ever given twice."""

    batch_id: int
    messages: Sequence[RawMessage]


@dataclass(frozen=True, slots=True)
class JournalFill:
    """How full a lane is."""

    bytes: int
    bound_bytes: int
    messages: int
    oldest_us: int | None
    newest_batch_id: int


class JournalWriter(Protocol):
    """Called from one thread; opened before the first append, closed after the last."""

    def append(self, messages: Sequence[RawMessage]) -> int:
        """Commit to disk and return the batch id. After JournalFull or JournalUnavailable nothing was kept."""

    def release(self, through: int) -> None:
        """Drop batches up to and including this id; may happen with the next append."""

    def settle(self) -> None:
        """Drop what was released and give space back; called when nothing is to be appended, or can be.

        Raises JournalUnavailable.
        """

    def close(self) -> None:
        """Close the file."""


class JournalReader(Protocol):
    """Called from one thread; may live in another process than the writer."""

    def read(self, after: int) -> JournalBatch | None:
        """Next batch after the id, or None when there is none yet."""

    def fill(self) -> JournalFill:
        """How full it is now."""

    def close(self) -> None:
        """Close the file."""
