"""Percentiles of many samples, computed by InfluxDB bucket by bucket: only the answers travel, none of the samples."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, cast

from application.ports.telemetry import Aggregate
from application.telemetry.percentile_column import clamp_mean
from application.telemetry.query_budget import QueryBudget
from application.telemetry.rollup import PERCENTILES, FieldTally, RollupPiece, reach_us
from storage.telemetry import influx_flux
from storage.telemetry.bucket_reading import BucketQuery
from storage.telemetry.influx_answers import Answer, NumbersByTime, instant_us, numbers_by_time
from storage.telemetry.influx_flux import EACH_SAMPLE, FluxQuery, FluxRange
from storage.telemetry.schema import FieldType

DENSE: Final = 10_000
"""Numbers of a bucket from which asking for their ranks, some 60 ms, is cheaper than to fetch them, 6 µs each."""
AT_ONCE: Final = 3_000_000
"""Numbers ranked by one request: about a second of the server's work."""
Ask = Callable[[FluxQuery], Answer]


@dataclass(frozen=True, slots=True)
class BucketRanking:
    """Fields of one bucket that have the same number of numbers."""

    start_us: int
    count: int
    fields: Sequence[str]


class InfluxPercentiles:
    """Answers one question; `types` are those of its fields, all numbers."""

    def __init__(
        self, ask: Ask, bucket: str, query: BucketQuery, types: Mapping[str, FieldType], budget: QueryBudget
    ) -> None:
        self._ask = ask
        self._query = query
        self._where = FluxRange(bucket, query.start_us, query.end_us)
        self._bucket = bucket
        self._types = types
        self._budget = budget
        self._percentiles = [name for name in query.aggregates if name in PERCENTILES]
        self._counts = {us: int(v[EACH_SAMPLE]) for us, v in self._windows("count", [EACH_SAMPLE]).items()}

    @property
    def is_dense(self) -> bool:
        """Whether its buckets hold so much that it is worth it."""
        numbers = sum(self._counts.values()) * len(self._query.fields)
        return numbers >= DENSE * len(self._counts) > 0

    def pieces(self, from_raw: Callable[[int], Iterable[RollupPiece]]) -> Iterator[RollupPiece]:
        """Every bucket with samples, in order; one that changes meanwhile is made by `from_raw`, given its start.

        What is ranked counts as read, before it is. Raises what the budget raises.
        """
        self._budget.read(sum(self._counts.values()))
        fields = list(self._query.fields)
        found = {name: self._windows(name, fields) for name in self._needed()}
        covered = self._covered()
        ranked = self._ranked(found["count"])
        again = self._windows("count", [EACH_SAMPLE, *fields])
        for start_us, count in sorted(self._counts.items()):
            counted = found["count"].get(start_us, {})
            if again.get(start_us) != counted | {EACH_SAMPLE: count}:
                yield from from_raw(start_us)
                continue
            of_bucket = {name: windows.get(start_us, {}) for name, windows in found.items()}
            tallies = {name: _tally(name, of_bucket, ranked[start_us, name]) for name in fields if name in counted}
            yield RollupPiece(start_us, count, covered[start_us], tallies)

    def _needed(self) -> set[str]:
        """Functions of InfluxDB over windows; a mean is kept between the extremes."""
        wanted = set[str](self._query.aggregates)
        needed = {"count"} | (wanted & {"min", "max", "last"})
        return needed | {"min", "max"} if wanted & {"mean", "sum"} else needed

    def _windows(self, function: str, fields: Sequence[str]) -> NumbersByTime:
        query = self._query
        every = timedelta(microseconds=query.width_us)
        return numbers_by_time(
            self._ask(influx_flux.windows_of(self._where, query.key.series, query.key, fields, function, every))
        )

    def _ranked(self, counts: NumbersByTime) -> Mapping[tuple[int, str], Mapping[Aggregate, float]]:
        found: dict[tuple[int, str], dict[Aggregate, float]] = defaultdict(dict)
        for ranking in self._rankings(counts):
            shares = {name: share_of(PERCENTILES[name], ranking.count) for name in self._percentiles}
            are_floats = self._types[ranking.fields[0]] is FieldType.FLOAT
            end_us = ranking.start_us + self._query.width_us
            where = FluxRange(self._bucket, ranking.start_us, end_us)
            asked = influx_flux.ranks_of(
                where, self._query.key, ranking.fields, shares, PERCENTILES, are_floats=are_floats
            )
            for table, row in self._ask(asked):
                place = table.place
                name = cast("Aggregate", row[place["rank"]])
                found[ranking.start_us, row[place["_field"]]][name] = float(row[place["_value"]])
        return found

    def _rankings(self, counts: NumbersByTime) -> Iterator[BucketRanking]:
        for start_us, of_fields in sorted(counts.items()):
            alike: dict[tuple[int, bool], list[str]] = defaultdict(list)
            for name, count in of_fields.items():
                alike[int(count), self._types[name] is FieldType.FLOAT].append(name)
            for (count, _), names in alike.items():
                at_once = max(1, AT_ONCE // (count * len(self._percentiles)))
                for begin in range(0, len(names), at_once):
                    yield BucketRanking(start_us, count, names[begin : begin + at_once])

    def _covered(self) -> Mapping[int, int]:
        """What samples speak for, by bucket, µs."""
        query = self._query
        reach = reach_us(query.expected_interval_s)
        around = FluxRange(self._bucket, query.start_us - reach, query.end_us + reach)
        first, last = (self._instant(influx_flux.end_of(around, query.key, which)) for which in ("first", "last"))
        runs, began_us = list[tuple[int, int]](), first - reach
        for table, row in self._ask(influx_flux.gaps_of(around, query.key, reach)):
            self._budget.read(1)
            at_us = instant_us(row[table.place["_time"]])
            runs.append((began_us, at_us - int(row[table.place["elapsed"]])))
            began_us = at_us - reach
        runs.append((began_us, last))
        return _overlaps(runs, sorted(self._counts), query.width_us)

    def _instant(self, asked: FluxQuery) -> int:
        return max(instant_us(row[table.place["_time"]]) for table, row in self._ask(asked))


def share_of(percentile: float, count: int) -> float | None:
    """What makes the server's interpolation hit the nearest rank exactly; None where no number of its kind does."""
    rank = math.ceil(percentile * count) - 1
    if count == 1 or rank == 0:
        return 0.0
    last = float(count - 1)
    share = rank / last
    candidates = (share, math.nextafter(share, 0.0), math.nextafter(share, 1.0))
    return next((one for one in candidates if one * last == rank), None)


def _overlaps(runs: Sequence[tuple[int, int]], starts: Sequence[int], width_us: int) -> dict[int, int]:
    """How much of each bucket the runs cover; both rise."""
    found, at = dict.fromkeys(starts, 0), 0
    for start_us in starts:
        end_us = start_us + width_us
        while at < len(runs) and runs[at][1] <= start_us:
            at += 1
        for begin, end in runs[at:]:
            if begin >= end_us:
                break
            found[start_us] += max(0, min(end, end_us) - max(begin, start_us))
    return found


def _tally(name: str, found: Mapping[str, Mapping[str, float]], ranked: Mapping[Aggregate, float]) -> FieldTally:
    low, high, last = (found.get(of, {}).get(name, math.nan) for of in ("min", "max", "last"))
    mean = clamp_mean(low, ranked["mean"], high)
    return FieldTally(float(low), mean, float(high), float(last), int(found["count"][name]), ranked)
