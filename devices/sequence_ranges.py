"""Which sequence numbers of one device and boot were received."""

from bisect import bisect_right
from typing import Self


class SequenceRanges:
    """Received numbers as ranges; beyond `LIMIT` ranges the lowest are forgotten and numbers there are undecidable."""

    LIMIT = 256
    __slots__ = ("floor", "ranges", "reported")

    def __init__(self) -> None:
        self.ranges: list[list[int]] = []
        self.floor = 0
        self.reported = 0
        """How many were missing when it was last told."""

    def add(self, seq: int) -> bool:
        """Note a number; False when it was there already. A number below the floor counts as new."""
        ranges = self.ranges
        if ranges and seq == ranges[-1][1] + 1:
            ranges[-1][1] = seq
            return True
        if seq < self.floor:
            return True
        at = bisect_right(ranges, [seq, 2**64])
        if at and ranges[at - 1][1] >= seq:
            return False
        before = bool(at) and ranges[at - 1][1] == seq - 1
        after = at < len(ranges) and ranges[at][0] == seq + 1
        if before and after:
            ranges[at - 1][1] = ranges.pop(at)[1]
        elif before:
            ranges[at - 1][1] = seq
        elif after:
            ranges[at][0] = seq
        else:
            ranges.insert(at, [seq, seq])
            if len(ranges) > self.LIMIT:
                self.floor = ranges.pop(0)[1] + 1
        return True

    @property
    def received(self) -> int:
        """How many numbers are noted."""
        return sum(high - low + 1 for low, high in self.ranges)

    @property
    def missing(self) -> int:
        """How many numbers between the first and the last never came."""
        return self.ranges[-1][1] - self.ranges[0][0] + 1 - self.received if self.ranges else 0

    def dump(self) -> str:
        """Text that `load` reads."""
        return f"{self.floor};" + ",".join(f"{low}-{high}" for low, high in self.ranges)

    @classmethod
    def load(cls, text: str) -> Self:
        """Read what `dump` wrote."""
        self = cls()
        floor, _, ranges = text.partition(";")
        self.floor = int(floor)
        self.ranges = [[int(n) for n in r.split("-")] for r in ranges.split(",") if r]
        self.reported = self.missing
        return self
