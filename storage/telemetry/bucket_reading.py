"""Answers bucket queries out of raw samples and rollups, the same way for every store."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Final, Literal, Protocol, cast

from application.ports.telemetry import Aggregate, BucketAnswer, RollupName, TelemetryBucket
from application.telemetry import rollup
from application.telemetry.query_budget import ANSWER_BYTES, QueryBudget
from application.telemetry.rollup import PERCENTILES, WIDTHS_US, Numbers, RollupPiece, floor_to
from devices.errors import Invalid, RawDataGone
from devices.kind import KindLimits
from devices.samples import TELEMETRY, SeriesKey
from devices.time_us import HOUR_US, SECOND_US
from storage.telemetry.housekeeping import raw_since

RAW_ROWS_MAX: Final = 10_000
Span = tuple[int, int]
_NUMBERS: Final = frozenset({int, float})


@dataclass(frozen=True, slots=True)
class BucketQuery:
    """Arguments of `TelemetryReader.buckets`."""

    key: SeriesKey
    from_us: int
    to_us: int
    fields: Sequence[str]
    width_us: int
    aggregates: Sequence[Aggregate]
    expected_interval_s: float

    @property
    def start_us(self) -> int:
        """Start of the first bucket."""
        return floor_to(self.from_us, self.width_us)

    @property
    def end_us(self) -> int:
        """End of the last bucket."""
        return -floor_to(-self.to_us, self.width_us)


class StoredSeries(Protocol):
    """What a store can tell of one series; ranges are [from_us, to_us), answers rise in time."""

    def numbers(self, key: SeriesKey, from_us: int, to_us: int, fields: Sequence[str]) -> Iterator[Numbers]:
        """Every sample with those of the fields that are numbers."""

    def pieces(
        self, key: SeriesKey, width: RollupName, from_us: int, to_us: int, fields: Sequence[str]
    ) -> Iterator[RollupPiece]:
        """Rollup pieces."""

    def ranked(
        self, query: BucketQuery, from_raw: Callable[[Span], Iterator[RollupPiece]]
    ) -> Iterator[RollupPiece] | None:
        """Pieces with percentiles, as the store itself makes them; `from_raw` makes those of a span out of numbers.

        None where that would be no cheaper than to read every sample.
        """

    def unrolled_hours(self, key: SeriesKey, from_us: int, to_us: int, now_us: int) -> Sequence[int]:
        """Hours of the range that must be read raw because their rollups may be out of date, in order."""


def read_buckets(  # noqa: PLR0917
    stored: StoredSeries, query: BucketQuery, limits: KindLimits, now_us: int, budget: QueryBudget, raw_rows_max: int
) -> BucketAnswer:
    """Answer the query within the budget. Raises RawDataGone, Invalid, and what the budget raises."""
    if query.width_us <= 0 or query.expected_interval_s <= 0:
        raise Invalid("not_above_zero")
    source = _source(query, limits, now_us, raw_rows_max)
    if query.from_us >= query.to_us:
        return BucketAnswer(query.width_us, source, [])
    if source == "raw":
        from_raw = partial(_from_raw, stored, query, query.width_us, budget)
        ranked = None
        if any(aggregate in PERCENTILES for aggregate in query.aggregates):
            ranked = stored.ranked(query, from_raw)
        pieces = from_raw((query.start_us, query.end_us)) if ranked is None else ranked
    else:
        pieces = rollup.combine_pieces(_from_rollups(stored, query, source, now_us, budget), query.width_us)
    return BucketAnswer(query.width_us, source, list(_answered(pieces, query, budget)))


def _answered(pieces: Iterable[RollupPiece], query: BucketQuery, budget: QueryBudget) -> Iterator[TelemetryBucket]:
    for piece in pieces:
        budget.go_on()
        if piece.count:
            budget.hold(ANSWER_BYTES * (1 + len(piece.fields) * len(query.aggregates)))
            yield rollup.answer_bucket(piece, query.fields, query.aggregates)


def _source(query: BucketQuery, limits: KindLimits, now_us: int, raw_rows_max: int) -> Literal["raw"] | RollupName:
    raw_lasts = query.from_us >= raw_since(limits, now_us)
    narrowed = rollup.widest_rollup(query.width_us) if query.key.series == TELEMETRY else None
    if narrowed is None or any(aggregate in PERCENTILES for aggregate in query.aggregates):
        if not raw_lasts:
            raise RawDataGone("raw_samples_last", days=limits.raw_retention_days)
        return "raw"
    span_us = min(query.end_us, now_us) - query.start_us
    few = span_us <= raw_rows_max * query.expected_interval_s * SECOND_US
    return "raw" if raw_lasts and few else narrowed


def _from_raw(
    stored: StoredSeries, query: BucketQuery, width_us: int, budget: QueryBudget, span: Span
) -> Iterator[RollupPiece]:
    """Pieces of a span; samples around it count for coverage only."""
    start_us, end_us = span
    reach = rollup.reach_us(query.expected_interval_s)
    samples = stored.numbers(query.key, start_us - reach, end_us + reach, query.fields)
    percentiles = [aggregate for aggregate in query.aggregates if aggregate in PERCENTILES]
    for piece in rollup.roll_up_samples(samples, width_us, reach, percentiles, budget.hold):
        if start_us <= piece.start_us < end_us:
            yield piece


def _from_rollups(
    stored: StoredSeries, query: BucketQuery, width: RollupName, now_us: int, budget: QueryBudget
) -> Iterator[RollupPiece]:
    unrolled = stored.unrolled_hours(query.key, query.start_us, query.end_us, now_us)
    return chain.from_iterable(
        _from_raw(stored, query, WIDTHS_US[width], budget, (start_us, end_us))
        if raw
        else stored.pieces(query.key, width, start_us, end_us, query.fields)
        for start_us, end_us, raw in _stretches(query.start_us, query.end_us, unrolled)
    )


def _stretches(start_us: int, end_us: int, unrolled: Sequence[int]) -> Iterator[tuple[int, int, bool]]:
    """Cut [start_us, end_us) into stretches to read as rollups (False) and as raw samples (True)."""
    at_us = start_us
    for first_us, last_us in _runs(unrolled):
        if at_us < first_us:
            yield at_us, first_us, False
        yield max(start_us, first_us), min(end_us, last_us + HOUR_US), True
        at_us = last_us + HOUR_US
    if at_us < end_us:
        yield at_us, end_us, False


def _runs(hours: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of hours without a gap."""
    first: int | None = None
    last = 0
    for hour_us in hours:
        if first is None or hour_us != last + HOUR_US:
            if first is not None:
                yield first, last
            first = hour_us
        last = hour_us
    if first is not None:
        yield first, last


def only_numbers(values: Mapping[str, object], fields: Sequence[str]) -> dict[str, float]:
    """Those of the fields that have a number; bools are none."""
    found = {name: value for name in fields if type(value := values.get(name)) in _NUMBERS}
    return cast("dict[str, float]", found)
