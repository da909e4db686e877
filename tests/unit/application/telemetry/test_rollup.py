"""The rollup calculus against plain second-by-second counting, and the laws that stores rely on."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.ports.telemetry import Aggregate
from application.telemetry.rollup import (
    WIDTHS_US,
    Numbers,
    RollupPiece,
    answer_bucket,
    combine_pieces,
    floor_to,
    reach_us,
    roll_hour,
    roll_up_samples,
    touched_hours,
    widest_rollup,
)
from devices.time_us import HOUR_US, MINUTE_US, SECOND_US

numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
values = st.dictionaries(st.sampled_from(["a", "b"]), numbers, max_size=2)
instants = st.integers(min_value=-5_000, max_value=20_000).map(lambda second: second * SECOND_US)
series = st.dictionaries(instants, values, max_size=60).map(lambda times: sorted(times.items()))
widths = st.sampled_from([SECOND_US, 20 * SECOND_US, MINUTE_US, 7 * MINUTE_US, HOUR_US])
reaches = st.integers(min_value=1, max_value=9_000).map(lambda seconds: seconds * SECOND_US)


def covered_seconds(samples: Sequence[Numbers], reach: int) -> set[int]:
    covered: set[int] = set()
    before_us: int | None = None
    for ts_us, _ in samples:
        since_us = ts_us - reach if before_us is None else max(before_us, ts_us - reach)
        covered.update(range(since_us // SECOND_US, ts_us // SECOND_US))
        before_us = ts_us
    return covered


@given(series, widths, reaches)
def test_pieces_hold_what_counting_finds(samples: list[Numbers], width_us: int, reach: int) -> None:
    pieces = list(roll_up_samples(samples, width_us, reach))
    covered = covered_seconds(samples, reach)
    for piece in pieces:
        end_us = piece.start_us + width_us
        inside = [found for ts_us, found in samples if piece.start_us <= ts_us < end_us]
        assert piece.count == len(inside)
        seconds = range(piece.start_us // SECOND_US, end_us // SECOND_US)
        assert piece.covered_us == sum(second in covered for second in seconds) * SECOND_US
        for name in ("a", "b"):
            column = [found[name] for found in inside if name in found]
            assert (name in piece.fields) == bool(column)
            if column:
                tally = piece.fields[name]
                assert (tally.low, tally.high, tally.last) == (min(column), max(column), column[-1])
                assert tally.samples == len(column)
                assert tally.mean == pytest.approx(
                    sum(column) / len(column), rel=1e-9, abs=1e-9 * max(map(abs, column))
                )
    assert sum(piece.count for piece in pieces) == len(samples)
    assert sum(piece.covered_us for piece in pieces) == len(covered) * SECOND_US


@given(series, widths, reaches)
def test_pieces_rise_and_are_aligned(samples: list[Numbers], width_us: int, reach: int) -> None:
    starts = [piece.start_us for piece in roll_up_samples(samples, width_us, reach)]
    assert all(start_us % width_us == 0 for start_us in starts)
    assert all(first < second for first, second in pairwise(starts))


@given(series, reaches, st.sampled_from([(MINUTE_US, 5 * MINUTE_US), (5 * MINUTE_US, HOUR_US), (MINUTE_US, HOUR_US)]))
def test_combining_narrow_pieces_is_the_same_as_wide_ones(
    samples: list[Numbers], reach: int, narrow_and_wide: tuple[int, int]
) -> None:
    narrow_us, wide_us = narrow_and_wide
    combined = list(combine_pieces(roll_up_samples(samples, narrow_us, reach), wide_us))
    direct = list(roll_up_samples(samples, wide_us, reach))
    assert [plain(piece) for piece in combined] == [plain(piece) for piece in direct]
    for left, right in zip(combined, direct, strict=True):
        for name, tally in left.fields.items():
            scale = max(abs(tally.low), abs(tally.high))
            assert tally.mean == pytest.approx(right.fields[name].mean, rel=1e-6, abs=1e-9 * scale)


@given(st.lists(numbers, min_size=1, max_size=50))
def test_a_mean_is_never_outside_the_extremes(column: list[float]) -> None:
    samples = [(place * SECOND_US, {"a": number}) for place, number in enumerate(column, start=1)]
    for width_us in (SECOND_US, MINUTE_US):
        (piece,) = combine_pieces(roll_up_samples(samples, width_us, SECOND_US), HOUR_US)
        tally = piece.fields["a"]
        assert tally.low <= tally.mean <= tally.high


@given(series, reaches, instants, values)
def test_only_touched_hours_change_when_a_late_sample_arrives(
    samples: list[Numbers], reach: int, late_us: int, late: Mapping[str, float]
) -> None:
    before = {piece.start_us: piece for piece in roll_up_samples(samples, HOUR_US, reach)}
    merged = sorted((dict(samples) | {late_us: late}).items())
    after = {piece.start_us: piece for piece in roll_up_samples(merged, HOUR_US, reach)}
    changed = {start_us for start_us in before | after if before.get(start_us) != after.get(start_us)}
    assert changed <= set(touched_hours(late_us, reach))
    assert floor_to(late_us, HOUR_US) in touched_hours(late_us, reach)


@given(series, reaches, st.integers(min_value=-2, max_value=5).map(lambda hour: hour * HOUR_US))
def test_an_hour_rolled_up_from_its_surroundings_is_the_same_as_from_everything(
    samples: list[Numbers], reach: int, hour_us: int
) -> None:
    near = [each for each in samples if hour_us - reach <= each[0] < hour_us + HOUR_US + reach]
    assert roll_hour(near, hour_us, reach) == roll_hour(samples, hour_us, reach)


def test_an_hour_has_all_rollups() -> None:
    samples = [(minute * MINUTE_US, {"a": float(minute)}) for minute in range(1, 121)]
    rolled = roll_hour(samples, HOUR_US, reach_us(60))
    assert {name: len(pieces) for name, pieces in rolled.items()} == {"1m": 60, "5m": 12, "1h": 1}
    (hour,) = rolled["1h"]
    assert hour.covered_us == HOUR_US
    assert hour.fields["a"][:5] == (60.0, 89.5, 119.0, 119.0, 60)


def test_percentiles_are_of_the_nearest_rank() -> None:
    samples = [(place, {"a": float(number)}) for place, number in enumerate([15, 20, 35, 40, 50])]
    (piece,) = roll_up_samples(samples, MINUTE_US, 0, ["p50", "p95", "p99"])
    assert piece.fields["a"].percentiles == {"p50": 35.0, "p95": 50.0, "p99": 50.0}


def test_a_bucket_has_the_asked_fields_and_aggregates() -> None:
    samples = [(0, {"a": 1.0, "b": 9.0}), (SECOND_US, {"a": 4.0})]
    (piece,) = (each for each in roll_up_samples(samples, MINUTE_US, SECOND_US) if each.count)
    asked: list[Aggregate] = ["mean", "min", "max", "last", "count", "sum"]
    found = answer_bucket(piece, ["a", "unknown"], asked)
    assert found.values == {"a": {"mean": 2.5, "min": 1.0, "max": 4.0, "last": 4.0, "count": 2.0, "sum": 5.0}}
    assert (found.start_us, found.count, found.covered_s) == (0, 2, 1.0)


@pytest.mark.parametrize(
    ("minutes", "expected"), [(1, "1m"), (5, "5m"), (7, "1m"), (15, "5m"), (60, "1h"), (90, "5m"), (1440, "1h")]
)
def test_the_widest_rollup_that_divides(minutes: int, expected: str) -> None:
    assert widest_rollup(minutes * MINUTE_US) == expected


def test_no_rollup_divides_a_width_below_a_minute() -> None:
    assert widest_rollup(30 * SECOND_US) is None
    assert widest_rollup(90 * SECOND_US) is None


def test_each_rollup_divides_the_next() -> None:
    assert all(wide % narrow == 0 for narrow, wide in pairwise(WIDTHS_US.values()))


def plain(piece: RollupPiece) -> tuple[int, int, int, dict[str, tuple[float, float, float, int]]]:
    """All but the mean, which is rounded."""
    fields = {name: (tally.low, tally.high, tally.last, tally.samples) for name, tally in sorted(piece.fields.items())}
    return piece.start_us, piece.count, piece.covered_us, fields
