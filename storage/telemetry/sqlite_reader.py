"""TelemetryReader on the SQLite file that SqliteTelemetryWriter fills."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from queue import Empty, Full, LifoQueue
from typing import Any, Final

from pydantic_core import from_json

from application.ports.telemetry import Aggregate, BucketAnswer, RollupName, TelemetryRow
from application.telemetry.query_budget import QueryBudget
from application.telemetry.rollup import Numbers, RollupPiece, floor_to
from devices.errors import LauternError
from devices.kind import DeviceKind
from devices.samples import SeriesKey
from devices.time_us import HOUR_US
from storage.telemetry import bucket_reading
from storage.telemetry.bucket_reading import BucketQuery, Span, only_numbers
from storage.telemetry.clock import wall_clock_us
from storage.telemetry.sqlite_file import open_reader, store_errors
from storage.telemetry.sqlite_rollup import read_pieces

PAGE: Final = 1_000
IDLE_KEPT: Final = 8


class SqliteTelemetryReader:
    """Read-only; each page of an answer is a read transaction of its own, so that the writer's log can be folded in."""

    def __init__(
        self,
        *,
        path: Path,
        catalog: Mapping[str, DeviceKind],
        now_us: Callable[[], int] = wall_clock_us,
        raw_rows_max: int = bucket_reading.RAW_ROWS_MAX,
    ) -> None:
        self._path = path
        self._catalog = catalog
        self._now_us = now_us
        self._raw_rows_max = raw_rows_max
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue(IDLE_KEPT)
        self._budget = QueryBudget()

    def within(self, budget: QueryBudget) -> "SqliteTelemetryReader":
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
        for ts_us, received_us, suspect, values in self._samples(key, from_us, to_us, limit, newest_first=newest_first):
            kept = values if fields is None else {name: values[name] for name in fields if name in values}
            yield TelemetryRow(ts_us, received_us, kept, bool(suspect))

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
        select = """SELECT part FROM series WHERE asset_id = ? AND kind = ? AND series = ?
                    AND EXISTS (SELECT 1 FROM sample WHERE sample.series_id = series.series_id) ORDER BY part"""
        return [part for (part,) in self._fetch(select, (asset_id, kind, series))]

    def series(self, asset_id: str, kind: str) -> Sequence[str]:
        """See the port."""
        select = """SELECT DISTINCT series FROM series WHERE asset_id = ? AND kind = ?
                    AND EXISTS (SELECT 1 FROM sample WHERE sample.series_id = series.series_id) ORDER BY series"""
        return [series for (series,) in self._fetch(select, (asset_id, kind))]

    def close(self) -> None:
        """See the port."""
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    def numbers(self, key: SeriesKey, from_us: int, to_us: int, fields: Sequence[str]) -> Iterator[Numbers]:
        """Of `bucket_reading.Stored`."""
        for ts_us, _, _, values in self._samples(key, from_us, to_us):
            yield ts_us, only_numbers(values, fields)

    def pieces(
        self, key: SeriesKey, width: RollupName, from_us: int, to_us: int, fields: Sequence[str]
    ) -> Iterator[RollupPiece]:
        """Of `bucket_reading.Stored`."""
        series_id = self._series_id(key)
        while series_id is not None:
            with self._connection() as connection:
                found = read_pieces(connection, series_id, width, (from_us, to_us), fields, PAGE)
            self._budget.read(len(found))
            yield from found
            if len(found) < PAGE:
                return
            from_us = found[-1].start_us + 1

    def ranked(self, query: BucketQuery, from_raw: Callable[[Span], Iterator[RollupPiece]]) -> None:
        """Of `bucket_reading.Stored`: the file is read here, whoever ranks."""

    def unrolled_hours(self, key: SeriesKey, from_us: int, to_us: int, now_us: int) -> Sequence[int]:
        """Of `bucket_reading.Stored`: the marks are in the same file."""
        select = """SELECT hour_us FROM unrolled WHERE series_id = ? AND hour_us >= ? AND hour_us < ?
                    ORDER BY hour_us"""
        arguments = (self._series_id(key), floor_to(from_us, HOUR_US), to_us)
        return [hour_us for (hour_us,) in self._fetch(select, arguments)]

    def _samples(
        self, key: SeriesKey, from_us: int, to_us: int, limit: int | None = None, *, newest_first: bool = False
    ) -> Iterator[tuple[int, int, int, dict[str, Any]]]:
        series_id = self._series_id(key)
        order = "DESC" if newest_first else "ASC"
        select = f"""SELECT ts_us, received_us, suspect, body FROM sample
                     WHERE series_id = ? AND ts_us >= ? AND ts_us < ? ORDER BY ts_us {order} LIMIT ?"""  # noqa: S608 - a constant
        left = limit
        while series_id is not None and from_us < to_us and left != 0:
            page = PAGE if left is None else min(PAGE, left)
            rows = self._fetch(select, (series_id, from_us, to_us, page))
            self._budget.read(len(rows))
            for ts_us, received_us, suspect, body in rows:
                yield ts_us, received_us, suspect, from_json(body)
            if len(rows) < page:
                return
            left = None if left is None else left - page
            from_us, to_us = (from_us, rows[-1][0]) if newest_first else (rows[-1][0] + 1, to_us)

    def _series_id(self, key: SeriesKey) -> int | None:
        select = "SELECT series_id FROM series WHERE kind = ? AND asset_id = ? AND series = ? AND part = ?"
        rows = self._fetch(select, (key.kind, key.asset_id, key.series, key.part))
        return rows[0][0] if rows else None

    def _fetch(self, select: str, arguments: Sequence[Any]) -> list[Any]:
        with self._connection() as connection:
            return connection.execute(select, arguments).fetchall()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection to one thread; a connection that met an error is not used again."""
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = open_reader(self._path)
        try:
            with store_errors(), self._budget.interruptible(connection.interrupt):
                yield connection
        except LauternError:
            connection.close()
            raise
        try:
            self._idle.put_nowait(connection)
        except Full:
            connection.close()
