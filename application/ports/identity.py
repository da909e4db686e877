"""What was already received: decides duplicate and conflict before the stores, which overwrite silently."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import IntEnum
from typing import NamedTuple, Protocol

from devices.sequence_ranges import SequenceRanges


class SampleClaim(NamedTuple):
    """Identity of one sample and the digest of its content.

    `at` is `ts_us`, or `seq` where there is no time (then `series` begins with `#`); `hour` (since 1970) is that of
    `ts_us`, or of receipt.
    """

    device_id: str
    series: str
    part: str
    at: int
    digest: int
    hour: int

    @property
    def numbered(self) -> bool:
        """Whether it is told from others by its number, having no time."""
        return self.series.startswith("#")


class DedupResult(IntEnum):
    """How a claim stands to what came before."""

    NEW = 0
    DUPLICATE = 1
    CONFLICT = 2
    REFUSED = 3
    """It takes no identity: who said it did not speak for the device then."""


class DedupTransaction(Protocol):
    """One transaction of judging."""

    def ranges(self, keys: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], SequenceRanges]:
        """Received numbers of known (device_id, boot_id)."""

    def put_ranges(self, ranges: Mapping[tuple[str, str], SequenceRanges], at_us: int) -> None:
        """Keep received numbers; at most 16 boots per device, the oldest leave."""

    def claim(self, claims: Sequence[SampleClaim]) -> list[DedupResult]:
        """Take identities that are free; the first stays."""

    def compare(self, claim: SampleClaim) -> DedupResult:
        """How a claim would stand, without taking it."""

    def knows(self, claim: SampleClaim) -> bool:
        """Whether the device has filled the claim's series and part before."""

    def part_count(self, device_id: str) -> int:
        """How many series the device has filled so far."""

    def series_count(self) -> int:
        """How many series all devices have filled so far."""

    def put_verdicts(self, lane: str, batch_id: int, verdicts: bytes) -> None:
        """Keep how a batch was judged and advance the lane."""


class DedupIndex(Protocol):
    """Used from one thread."""

    def judged_through(self, lane: str) -> int:
        """Newest batch of the lane that is judged; 0 at first."""

    def verdicts(self, lane: str, batch_id: int) -> bytes | None:
        """How a judged batch was judged; None when that was forgotten."""

    def judge(self) -> AbstractContextManager[DedupTransaction]:
        """Open a transaction, on disk at its end. Raises JournalUnavailable."""

    def forget_verdicts(self, lane: str, through: int) -> None:
        """Drop verdicts of batches that left the journal."""

    def prune(self, now_us: int) -> None:
        """Drop identities past their time or the bound on rows."""

    def close(self) -> None:
        """Close the file."""
