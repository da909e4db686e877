"""TelemetryReader on InfluxDB 2."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from devices.instants import DAY_US, HOUR_US
from devices.kind import DeviceKind
from devices.ports.telemetry import Aggregate, Buckets, RollupName, Row, StoreWatch
from devices.rollup import Numbers, Piece, Tally, floor_to
from devices.samples import SeriesKey
from storage.telemetry import bucket_reading, influx_flux
from storage.telemetry.bucket_reading import BucketQuery
from storage.telemetry.clock import wall_clock_us
from storage.telemetry.influx_answers import by_time, instant_us, numbers_by_time
from storage.telemetry.influx_buckets import raw_bucket, rollup_bucket
from storage.telemetry.influx_flux import EACH_SAMPLE, Flux, Where
from storage.telemetry.influx_http import TIMEOUT_S, InfluxHttp
from storage.telemetry.influx_lines import rollup_fields, rollup_measurement, rollup_tallies
from storage.telemetry.influx_pages import PAGE, one_page_is_enough, pages, window
from storage.telemetry.influx_progress import Progress
from storage.telemetry.pace import due_before, raw_since


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
        self._now_us = now_us
        self._progress = Progress(self._http, bucket_prefix, catalog)
        self._raw_rows_max = raw_rows_max

    def rows(
        self,
        key: SeriesKey,
        from_us: int,
        to_us: int,
        *,
        fields: Sequence[str] | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Row]:
        """See the port."""
        wanted = None if fields is None else [EACH_SAMPLE, "suspect", *fields]
        left = limit
        for query in self._pages(key, from_us, to_us, wanted, limit, newest_first=newest_first):
            page = by_time(self._http.query(*query))
            for ts_us in sorted(page, reverse=newest_first):
                if left == 0:
                    return
                values = page[ts_us]
                received_us = int(values.pop(EACH_SAMPLE, ts_us))
                suspect = bool(values.pop("suspect", False))
                yield Row(ts_us, received_us, values, suspect)
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
    ) -> Buckets:
        """See the port."""
        query = BucketQuery(key, from_us, to_us, fields, width_us, aggregates, expected_interval_s)
        limits = self._catalog[key.kind].limits
        return bucket_reading.read(self, query, limits, self._now_us(), self._raw_rows_max)

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
        for query in self._pages(key, from_us, to_us, [EACH_SAMPLE, *fields], None, newest_first=False):
            page = numbers_by_time(self._http.query(*query))
            for ts_us in sorted(page):
                values = page[ts_us]
                values.pop(EACH_SAMPLE, None)
                yield ts_us, values

    def pieces(
        self, key: SeriesKey, width: RollupName, from_us: int, to_us: int, fields: Sequence[str]
    ) -> Iterator[Piece]:
        """Of `bucket_reading.Stored`."""
        bucket = rollup_bucket(self._prefix, key.kind)
        names = rollup_fields(fields)
        query = influx_flux.values_of(Where(bucket, from_us, to_us), rollup_measurement(key.series, width), key, names)
        stored = numbers_by_time(self._http.query(*query))
        for start_us in sorted(stored):
            values = stored[start_us]
            tallies = {name: Tally(*tally) for name, tally in rollup_tallies(values, fields).items()}
            yield Piece(start_us, int(values["count"]), int(values["covered_us"]), tallies)

    def unrolled_hours(self, key: SeriesKey, from_us: int, to_us: int, now_us: int) -> Sequence[int]:
        """Of `bucket_reading.Stored`: all hours not told to be rolled up, as far back as raw samples last."""
        through_us = self._progress.through(key.kind) or 0
        first_us = max(raw_since(self._catalog[key.kind].limits, now_us), min(through_us, due_before(now_us)))
        return range(max(floor_to(from_us, HOUR_US), first_us), to_us, HOUR_US)

    def _names(self, asset_id: str, kind: str) -> list[tuple[str, str]]:
        since_us = raw_since(self._catalog[kind].limits, self._now_us())
        query = influx_flux.names_of(Where(raw_bucket(self._prefix, kind), since_us, self._now_us() + DAY_US), asset_id)
        return [
            (row[table.place["_measurement"]], row[table.place.get("part", 0)])
            for table, row in self._http.query(*query)
        ]

    def _pages(
        self,
        key: SeriesKey,
        from_us: int,
        to_us: int,
        fields: Sequence[str] | None,
        limit: int | None,
        *,
        newest_first: bool,
    ) -> Iterator[Flux]:
        """The queries that together read the range, in the order of reading."""
        if from_us >= to_us or limit == 0:
            return
        bucket = raw_bucket(self._prefix, key.kind)
        spans: Iterator[tuple[int, int]] = iter([(from_us, to_us)])
        if not one_page_is_enough(from_us, to_us, self._catalog[key.kind].limits.reporting_interval_s, limit):
            width = window(from_us, to_us)
            query = influx_flux.counts_of(Where(bucket, from_us, to_us), key, width)
            counts = [
                (instant_us(row[table.place["_time"]]), int(row[table.place["_value"]]))
                for table, row in self._http.query(*query)
            ]
            page = PAGE if limit is None else min(PAGE, limit)
            spans = pages(counts, width, to_us, page, newest_first=newest_first)
        for start_us, end_us in spans:
            yield influx_flux.values_of(Where(bucket, start_us, end_us), key.series, key, fields)
