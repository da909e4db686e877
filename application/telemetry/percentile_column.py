"""One field of one bucket as its samples come in: a few numbers; blocks of sorted ones where ranks are asked for."""

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

from application.telemetry.query_budget import KEPT_BYTES

BLOCK: Final = 8_192
"""Numbers sorted at once: some milliseconds in which no other thread runs."""


class PercentileColumn:
    """Numbers in the order of time; 8 bytes each where they will be ranked, else in constant memory."""

    __slots__ = ("_blocks", "_ranked", "_sum", "count", "high", "last", "low")

    def __init__(self, *, ranked: bool) -> None:
        self._ranked = ranked
        self._blocks: list[array[float]] = []
        self._sum: float = 0
        self.low = math.inf
        self.high = -math.inf
        self.last: float = 0
        self.count = 0

    def add_block(self, block: list[float]) -> int:
        """Take the next numbers, at least one; the list is the column's from now on. Returns the bytes that stay."""
        self._sum += sum(block)
        self.last = float(block[-1])
        self.count += len(block)
        self.low, self.high = min(self.low, float(min(block))), max(self.high, float(max(block)))
        if not self._ranked:
            return 0
        block.sort()
        self._blocks.append(array("d", block))
        return KEPT_BYTES * len(block)

    @property
    def mean(self) -> float:
        """Kept within the extremes, past which rounding and overflow could push it."""
        return clamp_mean(self.low, self._sum / self.count, self.high)

    def rank(self, share: float) -> float:
        """Percentile by nearest rank: exactly a number that came."""
        return select_rank(self._blocks, math.ceil(share * self.count) - 1)


def select_rank(blocks: Sequence[Sequence[float]], rank: int) -> float:
    """Number of this rank, from 0, among sorted blocks together; no copy is made of them."""
    bounds = [(0, len(block)) for block in blocks]
    while True:
        # The middle of the largest remaining stretch parts what remains: at least a share of it falls away each time.
        at = max(range(len(blocks)), key=lambda i: bounds[i][1] - bounds[i][0])
        low, high = bounds[at]
        pivot = blocks[at][(low + high) // 2]
        left = [bisect_left(block, pivot, *bound) for block, bound in zip(blocks, bounds, strict=True)]
        right = [bisect_right(block, pivot, *bound) for block, bound in zip(blocks, bounds, strict=True)]
        if rank < sum(left):
            bounds = [(begin, end) for (begin, _), end in zip(bounds, left, strict=True)]
        elif rank < sum(right):
            return float(pivot)
        else:
            bounds = [(begin, end) for begin, (_, end) in zip(right, bounds, strict=True)]


def clamp_mean(low: float, mean: float, high: float) -> float:
    """Keep rounding and overflow from pushing a mean past the extremes."""
    if low <= mean <= high:
        return mean
    return high if mean > high else low
