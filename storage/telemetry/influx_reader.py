"""TelemetryReader on InfluxDB 2."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from typing import TypeVar

from application.ports.telemetry import Aggregate, BucketAnswer, RollupName, StoreWatch, TelemetryRow
from application.telemetry.query_budget import QueryBudget
from application.telemetry.rollup import WIDTHS_US, FieldTally, Numbers, RollupPiece, floor_to
from devices.kind import DeviceKind
from devices.samples import SeriesKey
from devices.time_us import DAY_US, HOUR_US
from storage.telemetry import bucket_reading, influx_flux
from storage.telemetry.bucket_reading import BucketQuery, Span
from storage.telemetry.clock import wall_clock_us
from storage.telemetry.housekeeping import due_before, raw_since
from storage.telemetry.influx_answers import Answer, by_time, instant_us, numbers_by_time
from storage.telemetry.influx_buckets import raw_bucket, rollup_bucket
from storage.telemetry.influx_flux import EACH_SAMPLE, FluxQuery, FluxRange
from storage.telemetry.influx_http import TIMEOUT_S, InfluxHttp
from storage.telemetry.influx_lines import rollup_fields, rollup_measurement, rollup_tallies
from storage.telemetry.influx_pages import (
    PAGE,
    TooDenseError,
    counting_window,
    one_page,
    one_page_is_enough,
    series_pages,
)
from storage.telemetry.influx_percentiles import InfluxPercentiles
from storage.telemetry.influx_progress import RollupProgress
from storage.telemetry.schema import StoreSchema

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """Samples of one series."""

    key: SeriesKey
    from_us: int
    to_us: int
    fields: Sequence[str] | None
    limit: int | None = None
    newest_first: bool = False


class InfluxTelemetryReader:
    """Reads what InfluxTelemetryWriter wrote; a token that may read the buckets is enough."""

    def __init__(
        self,
        *,
        url: str,
        org: str,
        token: str,
        bucket_prefix: str,
        catalog: Mapping[str, DeviceKind],
        now_us: Callable[[], int] = wall_clock_us,
        raw_rows_max: int = bucket_reading.RAW_ROWS_MAX,
        timeout_s: float = TIMEOUT_S,
        watch: StoreWatch | None = None,
    ) -> None:
        self._http = InfluxHttp(url=url, org=org, token=token, timeout_s=timeout_s, watch=watch)
        self._prefix = bucket_prefix
        self._catalog = catalog
        self._schema = StoreSchema(catalog)
        self._now_us = now_us
        self._progress = RollupProgress(self._http, bucket_prefix, catalog)
        self._raw_rows_max = raw_rows_max
        self._budget = QueryBudget()

    def within(self, budget: QueryBudget) -> "InfluxTelemetryReader":
        """See the port."""
        found = copy(self)
        found._budget = budget  # noqa: SLF001 - of its own class
        return found

    def rows(
        self,
        key: SeriesKey,
        from_us: int,
        to_us: int,
        *,
        fields: Sequence[str] | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[TelemetryRow]:
        """See the port."""
        wanted = None if fields is None else [EACH_SAMPLE, "suspect", *fields]
        left = limit
        for page in self._pages(by_time, SeriesQuery(key, from_us, to_us, wanted, limit, newest_first=newest_first)):
            for ts_us in sorted(page, reverse=newest_first):
                if left == 0:
                    return
                values = page[ts_us]
                received_us = int(values.pop(EACH_SAMPLE, ts_us))
                suspect = bool(values.pop("suspect", False))
                yield TelemetryRow(ts_us, received_us, values, suspect)
                left = None if left is None else left - 1
            if left == 0:
                return

    def buckets(
        self,
        key: SeriesKey,
        from_us: int,
        to_us: int,
        *,
        fields: Sequence[str],
        width_us: int,
        aggregates: Sequence[Aggregate],
        expected_interval_s: float,
    ) -> BucketAnswer:
        """See the port."""
        query = BucketQuery(key, from_us, to_us, fields, width_us, aggregates, expected_interval_s)
        limits = self._catalog[key.kind].limits
        return bucket_reading.read_buckets(self, query, limits, self._now_us(), self._budget, self._raw_rows_max)

    def parts(self, asset_id: str, kind: str, series: str = "telemetry") -> Sequence[str]:
        """See the port."""
        return sorted({part for name, part in self._names(asset_id, kind) if name == series})

    def series(self, asset_id: str, kind: str) -> Sequence[str]:
        """See the port."""
        return sorted({name for name, _ in self._names(asset_id, kind)})

    def close(self) -> None:
        """See the port."""
        self._http.close()

    def numbers(self, key: SeriesKey, from_us: int, to_us: int, fields: Sequence[str]) -> Iterator[Numbers]:
        """Of `bucket_reading.Stored`."""
        for page in self._pages(numbers_by_time, SeriesQuery(key, from_us, to_us, [EACH_SAMPLE, *fields])):
            for ts_us in sorted(page):
                values = page[ts_us]
                values.pop(EACH_SAMPLE, None)
                yield ts_us, values

    def pieces(
        self, key: SeriesKey, width: RollupName, from_us: int, to_us: int, fields: Sequence[str]
    ) -> Iterator[RollupPiece]:
        """Of `bucket_reading.Stored`."""
        bucket = rollup_bucket(self._prefix, key.kind)
        names = rollup_fields(fields)
        measurement = rollup_measurement(key.series, width)
        step = PAGE * WIDTHS_US[width]
        for begin_us in range(from_us, to_us, step):
            where = FluxRange(bucket, begin_us, min(begin_us + step, to_us))
            stored = numbers_by_time(self._ask(influx_flux.values_of(where, measurement, key, names)))
            self._budget.read(len(stored))
            for start_us in sorted(stored):
                values = stored[start_us]
                tallies = {name: FieldTally(*tally) for name, tally in rollup_tallies(values, fields).items()}
                yield RollupPiece(start_us, int(values["count"]), int(values["covered_us"]), tallies)

    def ranked(
        self, query: BucketQuery, from_raw: Callable[[Span], Iterator[RollupPiece]]
    ) -> Iterator[RollupPiece] | None:
        """Of `bucket_reading.Stored`."""
        types = self._schema.declared(query.key.kind, query.key.series)
        can = set(query.fields) <= set(self._schema.numeric(query.key.kind, query.key.series))
        if not can or one_page_is_enough(query.start_us, query.end_us, query.expected_interval_s, None):
            return None
        ranks = InfluxPercentiles(self._ask, raw_bucket(self._prefix, query.key.kind), query, types, self._budget)
        if not ranks.is_dense:
            return None
        return ranks.pieces(lambda start_us: from_raw((start_us, start_us + query.width_us)))

    def unrolled_hours(self, key: SeriesKey, from_us: int, to_us: int, now_us: int) -> Sequence[int]:
        """Of `bucket_reading.Stored`: all hours not told to be rolled up, as far back as raw samples last."""
        through_us = self._progress.through(key.kind) or 0
        first_us = max(raw_since(self._catalog[key.kind].limits, now_us), min(through_us, due_before(now_us)))
        return range(max(floor_to(from_us, HOUR_US), first_us), to_us, HOUR_US)

    def _names(self, asset_id: str, kind: str) -> list[tuple[str, str]]:
        since_us = raw_since(self._catalog[kind].limits, self._now_us())
        query = influx_flux.names_of(
            FluxRange(raw_bucket(self._prefix, kind), since_us, self._now_us() + DAY_US), asset_id
        )
        return [(row[table.place["_measurement"]], row[table.place.get("part", 0)]) for table, row in self._ask(query)]

    def _ask(self, query: FluxQuery) -> Answer:
        return self._http.query(*query, self._budget)

    def _pages(
        self, parse: Callable[[Answer], dict[int, dict[str, T]]], wanted: SeriesQuery
    ) -> Iterator[dict[int, dict[str, T]]]:
        """Pages in the order of reading, each counted."""
        if wanted.from_us >= wanted.to_us or wanted.limit == 0:
            return
        bucket, key = raw_bucket(self._prefix, wanted.key.kind), wanted.key
        whole = FluxRange(bucket, wanted.from_us, wanted.to_us)
        interval_s = self._catalog[key.kind].limits.reporting_interval_s
        if one_page_is_enough(wanted.from_us, wanted.to_us, interval_s, wanted.limit):
            with suppress(TooDenseError):
                answer = self._ask(influx_flux.values_of(whole, key.series, key, wanted.fields))
                page = parse(one_page(answer))
                self._budget.read(len(page))
                yield page
                return
        for start_us, end_us in self._spans(whole, wanted):
            page = parse(
                self._ask(influx_flux.values_of(FluxRange(bucket, start_us, end_us), key.series, key, wanted.fields))
            )
            self._budget.read(len(page))
            yield page

    def _spans(self, whole: FluxRange, wanted: SeriesQuery) -> Iterator[tuple[int, int]]:
        width = counting_window(whole.from_us, whole.to_us)
        counts = [
            (instant_us(row[table.place["_time"]]), int(row[table.place["_value"]]))
            for table, row in self._ask(influx_flux.counts_of(whole, wanted.key, width))
        ]
        page = PAGE if wanted.limit is None else min(PAGE, wanted.limit)
        return series_pages(counts, width, whole.to_us, page, newest_first=wanted.newest_first)
