"""Rollup calculus: samples become pieces (one bucket each), pieces become wider ones and the store's answers."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import mul
from typing import Final, NamedTuple

from application.ports.telemetry import Aggregate, RollupName, TelemetryBucket
from application.telemetry.percentile_column import BLOCK, PercentileColumn, clamp_mean
from devices.time_us import HOUR_US, MINUTE_US, SECOND_US

WIDTHS_US: Final[Mapping[RollupName, int]] = {"1m": MINUTE_US, "5m": 5 * MINUTE_US, "1h": HOUR_US}
"""Widths of the kept rollups, narrowest first; each divides the next."""
PERCENTILES: Final[Mapping[Aggregate, float]] = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
REACH_INTERVALS: Final = 3
"""A sample speaks for the time since the one before, at most this many reporting intervals."""

Numbers = tuple[int, Mapping[str, float]]
"""Time in microseconds and numeric values of one sample; values may be empty."""


class FieldTally(NamedTuple):
    """One field in one bucket; `percentiles` by nearest rank, only where they were asked for."""

    low: float
    mean: float
    high: float
    last: float
    samples: int
    percentiles: Mapping[Aggregate, float] = {}


@dataclass(frozen=True, slots=True)
class RollupPiece:
    """What is known of [start_us, start_us + width). Without samples it may still be covered by the next one."""

    start_us: int
    count: int
    covered_us: int
    fields: Mapping[str, FieldTally]


def _free(_bytes: int) -> None:
    """Memory that nobody counts."""


class _Open:
    """The bucket whose samples come in: the last of them as they came, those before in columns."""

    __slots__ = ("columns", "count", "covered_us", "folded", "held", "start_us")

    def __init__(self, start_us: int) -> None:
        self.start_us = start_us
        self.count = 0
        self.covered_us = 0
        self.columns: dict[str, list[float]] = {}
        self.folded: dict[str, PercentileColumn] = {}
        self.held = 0

    def add(self, values: Mapping[str, float]) -> None:
        self.count += 1
        for name, value in values.items():
            column = self.columns.get(name)
            if column is None:
                self.columns[name] = [value]
            else:
                column.append(value)

    def fold(self, percentiles: Sequence[Aggregate], hold: Callable[[int], None]) -> None:
        for name, block in self.columns.items():
            column = self.folded.get(name)
            if column is None:
                column = self.folded[name] = PercentileColumn(ranked=bool(percentiles))
            taken = column.add_block(block)
            self.held += taken
            hold(taken)
        self.columns = {}

    def close(self, percentiles: Sequence[Aggregate], hold: Callable[[int], None]) -> RollupPiece:
        if self.folded:
            self.fold(percentiles, hold)
            tallies = {name: _tally_of(column, percentiles) for name, column in self.folded.items()}
            hold(-self.held)
        else:
            tallies = {name: _tally(column, percentiles) for name, column in self.columns.items()}
        return RollupPiece(self.start_us, self.count, self.covered_us, tallies)


def reach_us(interval_s: float) -> int:
    """How far back a sample speaks, in microseconds."""
    return round(REACH_INTERVALS * interval_s * SECOND_US)


def floor_to(instant_us: int, width_us: int) -> int:
    """Start of the bucket that holds the instant; buckets are aligned to 1970."""
    return instant_us - instant_us % width_us


def roll_up_samples(
    samples: Iterable[Numbers],
    width_us: int,
    reach: int,
    percentiles: Sequence[Aggregate] = (),
    hold: Callable[[int], None] = _free,
) -> Iterator[RollupPiece]:
    """Pieces of samples that rise in time. A sample covers the time since the one before, at most `reach` µs.

    Percentiles keep the numbers of one bucket; `hold` is told of the bytes, and given back what it was told.
    """
    current: _Open | None = None
    before_us: int | None = None
    for ts_us, values in samples:
        since_us = ts_us - reach if before_us is None else max(before_us, ts_us - reach)
        start_us = ts_us - ts_us % width_us
        if current is None or current.start_us != start_us:
            next_us = floor_to(since_us, width_us)
            if current is not None:
                end_us = current.start_us + width_us
                current.covered_us += max(0, end_us - since_us)
                yield current.close(percentiles, hold)
                next_us = max(next_us, end_us)
            for empty_us in range(next_us, start_us, width_us):
                yield RollupPiece(empty_us, 0, empty_us + width_us - max(since_us, empty_us), {})
            current = _Open(start_us)
        current.covered_us += ts_us - max(since_us, start_us)
        current.add(values)
        if current.count % BLOCK == 0:
            current.fold(percentiles, hold)
        before_us = ts_us
    if current is not None:
        yield current.close(percentiles, hold)


def combine_pieces(pieces: Iterable[RollupPiece], width_us: int) -> Iterator[RollupPiece]:
    """Wider pieces of narrower ones that rise in time; percentiles do not survive."""
    for start_us, group in groupby(pieces, key=lambda piece: floor_to(piece.start_us, width_us)):
        members = list(group)
        names = dict.fromkeys(name for piece in members for name in piece.fields)
        yield RollupPiece(
            start_us,
            sum(piece.count for piece in members),
            sum(piece.covered_us for piece in members),
            {name: _merge([piece.fields[name] for piece in members if name in piece.fields]) for name in names},
        )


def roll_hour(samples: Iterable[Numbers], hour_us: int, reach: int) -> dict[RollupName, list[RollupPiece]]:
    """All rollups of one hour. `samples` must hold those of the hour and of `reach` µs before and after it."""
    every_minute = roll_up_samples(samples, MINUTE_US, reach)
    minutes = [piece for piece in every_minute if hour_us <= piece.start_us < hour_us + HOUR_US]
    return {
        name: minutes if name == "1m" else list(combine_pieces(minutes, width)) for name, width in WIDTHS_US.items()
    }


def touched_hours(ts_us: int, reach: int) -> tuple[int, ...]:
    """Hours whose rollups change when a sample at `ts_us` arrives: its own and those it covers backwards."""
    first = floor_to(ts_us - reach, HOUR_US)
    return tuple(range(first, floor_to(ts_us, HOUR_US) + 1, HOUR_US))


def widest_rollup(width_us: int) -> RollupName | None:
    """The widest rollup from which buckets of this width can be combined."""
    return next((name for name, width in reversed(list(WIDTHS_US.items())) if width_us % width == 0), None)


def answer_bucket(piece: RollupPiece, fields: Sequence[str], aggregates: Sequence[Aggregate]) -> TelemetryBucket:
    """Turn a piece into the answer's form, with the asked fields and aggregates."""
    values: dict[str, dict[str, float]] = {
        name: {aggregate: _aggregate(piece.fields[name], aggregate) for aggregate in aggregates}
        for name in fields
        if name in piece.fields
    }
    return TelemetryBucket(piece.start_us, piece.count, piece.covered_us / SECOND_US, values)


def _aggregate(tally: FieldTally, aggregate: Aggregate) -> float:  # noqa: PLR0911 - one line per aggregate
    match aggregate:
        case "mean":
            return tally.mean
        case "min":
            return tally.low
        case "max":
            return tally.high
        case "last":
            return tally.last
        case "count":
            return float(tally.samples)
        case "sum":
            return tally.mean * tally.samples
        case _:
            return tally.percentiles[aggregate]


def _tally(column: list[float], percentiles: Sequence[Aggregate]) -> FieldTally:
    last = float(column[-1])
    if len(column) == 1:
        return FieldTally(last, last, last, last, 1, dict.fromkeys(percentiles, last) if percentiles else {})
    low, high, count = float(min(column)), float(max(column)), len(column)
    mean = clamp_mean(low, sum(column) / count, high)
    if not percentiles:
        return FieldTally(low, mean, high, last, count)
    column.sort()
    ranked = {name: float(column[math.ceil(PERCENTILES[name] * count) - 1]) for name in percentiles}
    return FieldTally(low, mean, high, last, count, ranked)


def _tally_of(column: PercentileColumn, percentiles: Sequence[Aggregate]) -> FieldTally:
    ranked = {name: column.rank(PERCENTILES[name]) for name in percentiles}
    return FieldTally(column.low, column.mean, column.high, column.last, column.count, ranked)


def _merge(tallies: Sequence[FieldTally]) -> FieldTally:
    if len(tallies) == 1:
        return FieldTally(*tallies[0][:5])
    lows, means, highs, lasts, counts, _ = zip(*tallies, strict=True)
    low, high, count = min(lows), max(highs), sum(counts)
    return FieldTally(low, clamp_mean(low, sum(map(mul, means, counts)) / count, high), high, lasts[-1], count)
