"""What became of all that was received, and which sequence numbers never came."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """Sums for one kind (`-` where unknown) and unit (`messages` or `samples`).

    received = stored + duplicate + conflict + dead_letter + in_journal + lost
    """

    kind: str
    unit: str
    received: int = 0
    stored: int = 0
    duplicate: int = 0
    conflict: int = 0
    dead_letter: int = 0
    in_journal: int = 0
    lost: int = 0
    """Accepted, and gone with a damaged journal before they were stored."""


@dataclass(frozen=True, slots=True)
class SequenceGap:
    """Sequence numbers of one device and boot that never came."""

    device_id: str
    kind: str
    tenant_id: str
    boot_id: str
    first_seq: int
    last_seq: int
    received: int
    missing: int
    at_us: int


class MessageLedger(Protocol):
    """Counters as rows of the transaction that causes them."""

    def count(self, increments: Mapping[tuple[str, str, str], int]) -> None:
        """Add to (kind, unit, column); `column` is a counter of LedgerLine but in_journal, or `accepted`."""

    def lines(self) -> Sequence[LedgerLine]:
        """All lines; in_journal is accepted − stored."""

    def put_gaps(self, gaps: Sequence[SequenceGap]) -> None:
        """Insert or replace by (device_id, boot_id). Older boots of one with many become one row, without id."""

    def gaps(
        self,
        kinds: Collection[str] | None = None,
        device_id: str | None = None,
        limit: int = 500,
        tenant_ids: Collection[str] | None = None,
    ) -> Sequence[SequenceGap]:
        """Rows with something missing, most recent first."""

    def missing(self) -> int:
        """Messages missing of all devices together."""
