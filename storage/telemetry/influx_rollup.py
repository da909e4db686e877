"""Rolls up marked hours: reads raw samples back from InfluxDB, writes pieces to the kind's rollup bucket."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from application.telemetry.rollup import Numbers, reach_us, roll_hour
from devices.errors import StoreUnavailable
from devices.kind import DeviceKind
from devices.samples import TELEMETRY, Sample, SeriesKey
from devices.time_us import DAY_US, HOUR_US
from storage.telemetry import influx_bisect
from storage.telemetry.housekeeping import WorkSlice, due_before, raw_since, series_per_slice
from storage.telemetry.influx_answers import NumbersByTime, instant_us, numbers_by_series
from storage.telemetry.influx_buckets import raw_bucket, rollup_bucket
from storage.telemetry.influx_flux import EACH_SAMPLE, FluxRange, hours_of_all, numbers_of_many
from storage.telemetry.influx_http import InfluxHttp
from storage.telemetry.influx_lines import rollup_line
from storage.telemetry.influx_progress import RollupProgress
from storage.telemetry.schema import StoreSchema
from storage.telemetry.series_index import SeriesBook
from storage.telemetry.sqlite_file import store_errors, store_transaction


class InfluxRollup:
    """Works on the writer's thread and connection."""

    def __init__(
        self,
        *,
        http: InfluxHttp,
        state: sqlite3.Connection,
        book: SeriesBook,
        catalog: Mapping[str, DeviceKind],
        schema: StoreSchema,
        prefix: str,
        progress: RollupProgress,
    ) -> None:
        self._progress = progress
        self._http = http
        self._state = state
        self._book = book
        self._catalog = catalog
        self._schema = schema
        self._prefix = prefix

    @store_errors()
    def run(self, now_us: int) -> int:
        """One slice of work; returns buckets written. Raises StoreUnavailable."""
        until = WorkSlice()
        written = 0
        while not until.over():
            due = self._book.next_hour(due_before(now_us))
            if due is None:
                break
            written += self._roll_some(*due, now_us)
        for name in self._catalog:
            first_us = self._book.first_hour(name)
            ended_us = due_before(now_us)
            self._progress.tell(name, ended_us if first_us is None else min(first_us, ended_us))
        return written

    def mark_again(self, now_us: int) -> None:
        """Mark the last two days of every series: after the loss of the state file nobody knows what was rolled up."""
        for name in self._catalog:
            where = FluxRange(raw_bucket(self._prefix, name), now_us - 2 * DAY_US, now_us + HOUR_US)
            seen = [
                Sample(row[t.place["asset"]], name, "", TELEMETRY, row[t.place.get("part", 0)], ts_us, ts_us, {})
                for t, row in self._http.query(*hours_of_all(where, TELEMETRY))
                for ts_us in (instant_us(row[t.place["_time"]]),)
            ]
            with store_transaction(self._state):
                self._book.mark(seen)

    def _roll_some(self, name: str, hour_us: int, now_us: int) -> int:
        kind = self._catalog.get(name)
        marked = self._book.marked(name, hour_us, series_per_slice(kind.limits) if kind else 1000)
        lines: list[str] = []
        if kind is not None and hour_us >= raw_since(kind.limits, now_us):
            lines = self._pieces(kind, hour_us, [key for _, key in marked])
            post = partial(self._http.write, rollup_bucket(self._prefix, name))
            if refused := influx_bisect.store_lines(post, lines):
                raise StoreUnavailable(f"rollups are refused: {next(iter(refused.values()))}")
        with store_transaction(self._state):
            self._book.unmark(hour_us, [series_id for series_id, _ in marked])
        return len(lines)

    def _pieces(self, kind: DeviceKind, hour_us: int, keys: Sequence[SeriesKey]) -> list[str]:
        reach = reach_us(kind.limits.reporting_interval_s)
        names = self._schema.numeric(kind.name, TELEMETRY)
        bucket = raw_bucket(self._prefix, kind.name)
        where = FluxRange(bucket, hour_us - reach, hour_us + HOUR_US + reach)
        query = numbers_of_many(where, TELEMETRY, [key.asset_id for key in keys], names)
        found = numbers_by_series(self._http.query(*query))
        return [
            rollup_line(key, width, piece)
            for key in keys
            for width, pieces in roll_hour(_in_order(found.get((key.asset_id, key.part), {})), hour_us, reach).items()
            for piece in pieces
        ]


def _in_order(times: NumbersByTime) -> Iterator[Numbers]:
    """Samples with the number that each has, whatever else it holds, taken out."""
    for ts_us in sorted(times):
        values = times[ts_us]
        values.pop(EACH_SAMPLE, None)
        yield ts_us, values
