"""TelemetryWriter on a SQLite file of its own."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from devices.errors import SamplesRefused, StoreUnavailable
from devices.kind import DeviceKind
from devices.samples import Sample
from storage.telemetry.housekeeping import SampleReaches, WorkSlice, raw_since, rollups_since
from storage.telemetry.schema import INT64_MAX, FieldShape, FieldType, ShapeCache, StoreSchema, UnstorableError
from storage.telemetry.series_index import SeriesBook
from storage.telemetry.sqlite_file import SAMPLE_TABLES, SERIES_TABLES, open_writer, store_errors, store_transaction
from storage.telemetry.sqlite_rollup import roll_up

INSERT: Final = """INSERT INTO sample (series_id, ts_us, received_us, suspect, body) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (series_id, ts_us) DO UPDATE
    SET received_us = excluded.received_us, suspect = excluded.suspect, body = excluded.body"""
PAGES_FREED_AT_ONCE: Final = 2_000
SERIES_AT_ONCE: Final = 200


class SqliteTelemetryWriter:
    """The one writing connection of the file at `path`."""

    def __init__(self, *, path: Path, catalog: Mapping[str, DeviceKind]) -> None:
        self._catalog = catalog
        self._reaches = SampleReaches(catalog)
        self._floats = ShapeCache(StoreSchema(catalog), _float_names)
        self._encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
        self._connection = open_writer(path, SERIES_TABLES + SAMPLE_TABLES)
        self._book = SeriesBook(self._connection, self._reaches)
        self._expiring: list[tuple[str, int, int, int]] = []

    def write(self, samples: Sequence[Sample]) -> None:
        """Store all or raise; see the port."""
        refused: dict[int, str] = {}
        bodies: list[tuple[Sample, str]] = []
        for index, sample in enumerate(samples):
            try:
                bodies.append((sample, self._body(sample)))
            except (UnstorableError, ValueError) as error:
                refused[index] = str(error)
        if bodies:
            self._insert(bodies)
        if refused:
            raise SamplesRefused(refused)

    def roll_up(self, now_us: int) -> int:
        """See the port. An hour is rolled up when it ended five minutes ago, again when late samples came."""
        return roll_up(self._connection, self._book, self._catalog, now_us)

    def apply_retention(self, now_us: int) -> Mapping[str, int]:
        """See the port. Rows are samples and rollup buckets."""
        until = WorkSlice()
        dropped: Counter[str] = Counter()
        self._expiring = self._expiring or self._expiry(now_us)
        while self._expiring and not until.over():
            some, self._expiring = self._expiring[:SERIES_AT_ONCE], self._expiring[SERIES_AT_ONCE:]
            with store_transaction(self._connection):
                for kind, *each in some:
                    dropped[kind] += self._expire(*each)
        with store_errors():
            self._connection.executescript(f"PRAGMA incremental_vacuum({PAGES_FREED_AT_ONCE})")
        return +dropped

    def ping(self) -> None:
        """See the port."""
        with store_transaction(self._connection):
            self._connection.execute("PRAGMA schema_version").fetchone()

    def close(self) -> None:
        """See the port; the last connection to close folds the write-ahead log into the file."""
        self._connection.close()

    def _body(self, sample: Sample) -> str:
        values: Mapping[str, Any] = sample.values
        floats = self._floats.get(sample)
        if floats:
            values = {name: float(value) if name in floats else value for name, value in values.items()}
        if not (-INT64_MAX <= sample.ts_us * 1000 <= INT64_MAX):
            raise UnstorableError("time outside 1677 to 2262")
        body = self._encode(values)
        body.encode()
        return body

    def _insert(self, bodies: Sequence[tuple[Sample, str]]) -> None:
        try:
            with store_transaction(self._connection):
                rows = [
                    (self._book.id_of(sample), sample.ts_us, sample.received_us, sample.suspect, body)
                    for sample, body in bodies
                ]
                rows.sort(key=lambda row: row[:2])
                self._connection.executemany(INSERT, rows)
                self._book.mark(sample for sample, _ in bodies)
        except StoreUnavailable:
            self._book.forget()
            raise

    def _expiry(self, now_us: int) -> list[tuple[str, int, int, int]]:
        """Kind, series number, oldest sample to keep, oldest rollup to keep."""
        with store_errors():
            return [
                (kind.name, series_id, raw_since(kind.limits, now_us), rollups_since(kind.limits, now_us))
                for kind in self._catalog.values()
                for series_id in self._book.all(kind.name)
            ]

    def _expire(self, series_id: int, raw_us: int, rollups_us: int) -> int:
        execute = self._connection.execute
        dropped = execute("DELETE FROM sample WHERE series_id = ? AND ts_us < ?", (series_id, raw_us)).rowcount
        for width in ("1m", "5m", "1h"):
            delete = "DELETE FROM rollup WHERE series_id = ? AND width = ? AND start_us < ?"
            dropped += execute(delete, (series_id, width, rollups_us)).rowcount
        return dropped


def _float_names(shape: FieldShape) -> frozenset[str]:
    """Fields to convert: a whole number given for a float is kept as a float, in every store alike."""
    return frozenset(name for name, each in zip(shape.names, shape.types, strict=True) if each == FieldType.FLOAT)
