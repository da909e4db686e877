"""Ranks among blocks are exactly those of all numbers sorted together, and no bucket keeps what it need not."""

import math

from hypothesis import given
from hypothesis import strategies as st

from application.telemetry.percentile_column import BLOCK, PercentileColumn, select_rank
from application.telemetry.rollup import roll_up_samples

numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
blocks = st.lists(st.lists(numbers, min_size=1, max_size=20).map(sorted), min_size=1, max_size=8)


@given(blocks)
def test_the_rank_among_blocks_is_that_among_all(sorted_blocks: list[list[float]]) -> None:
    together = sorted(number for block in sorted_blocks for number in block)
    assert [select_rank(sorted_blocks, rank) for rank in range(len(together))] == together


def test_a_rising_series_and_one_of_equal_numbers_are_ranked_too() -> None:
    for values in (range(10_000), [5] * 10_000):
        column = PercentileColumn(ranked=True)
        for start in range(0, 10_000, 1_000):
            column.add_block([float(v) for v in values[start : start + 1_000]])
        ordered = sorted(values)
        assert [column.rank(share) for share in (0.5, 0.95, 0.99)] == [
            ordered[math.ceil(share * 10_000) - 1] for share in (0.5, 0.95, 0.99)
        ]


def test_a_bucket_of_many_blocks_says_the_same_as_all_its_numbers_at_once() -> None:
    many = 3 * BLOCK + 17
    values = [float((n * 7919) % 10_007) for n in range(many)]
    held: list[int] = []
    samples = ((n + 1, {"a": v}) for n, v in enumerate(values))
    (piece,) = roll_up_samples(samples, 100_000, 1, ["p50", "p95"], held.append)
    tally, ordered = piece.fields["a"], sorted(values)
    assert (tally.low, tally.high, tally.last, tally.samples) == (ordered[0], ordered[-1], values[-1], many)
    assert math.isclose(tally.mean, sum(values) / many)
    assert tally.percentiles == {"p50": ordered[math.ceil(many * 0.5) - 1], "p95": ordered[math.ceil(many * 0.95) - 1]}
    assert sum(held) == 0
    assert max(held) > 0


def test_without_ranks_nothing_is_kept() -> None:
    held: list[int] = []
    samples = ((n + 1, {"a": float(n)}) for n in range(2 * BLOCK))
    (piece,) = roll_up_samples(samples, 100_000, 1, hold=held.append)
    assert piece.fields["a"].samples == 2 * BLOCK
    assert not any(held)
