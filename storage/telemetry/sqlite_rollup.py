"""Rolls up marked hours inside the SQLite file."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from application.ports.telemetry import RollupName
from application.telemetry.rollup import FieldTally, Numbers, RollupPiece, reach_us, roll_hour
from devices.kind import DeviceKind
from devices.time_us import HOUR_US
from storage.telemetry.housekeeping import WorkSlice, due_before, raw_since, series_per_slice
from storage.telemetry.series_index import SeriesBook
from storage.telemetry.sqlite_file import store_transaction

_ENCODE: Final = json.JSONEncoder(separators=(",", ":")).encode
_UPSERT: Final = (
    "INSERT OR REPLACE INTO rollup (series_id, width, start_us, count, covered_us, body) VALUES (?, ?, ?, ?, ?, ?)"
)


def roll_up(connection: sqlite3.Connection, book: SeriesBook, catalog: Mapping[str, DeviceKind], now_us: int) -> int:
    """One slice of work; returns buckets written. Raises StoreUnavailable."""
    until = WorkSlice()
    written = 0
    while not until.over():
        with store_transaction(connection):
            due = book.next_hour(due_before(now_us))
            if due is None:
                break
            written += _roll_some(connection, book, catalog.get(due[0]), due, now_us)
    return written


def _roll_some(
    connection: sqlite3.Connection, book: SeriesBook, kind: DeviceKind | None, due: tuple[str, int], now_us: int
) -> int:
    name, hour_us = due
    marked = book.marked(name, hour_us, series_per_slice(kind.limits) if kind else 1000)
    book.unmark(hour_us, [series_id for series_id, _ in marked])
    if kind is None or hour_us < raw_since(kind.limits, now_us):
        return 0
    reach = reach_us(kind.limits.reporting_interval_s)
    rows = [
        (series_id, width, piece.start_us, piece.count, piece.covered_us, encode_tallies(piece.fields))
        for series_id, _ in marked
        for width, pieces in roll_hour(_samples(connection, series_id, hour_us, reach), hour_us, reach).items()
        for piece in pieces
    ]
    connection.executemany(_UPSERT, rows)
    return len(rows)


def encode_tallies(fields: Mapping[str, FieldTally]) -> str:
    """Tallies as JSON: a list per field, of one sample just its value."""
    return _ENCODE({name: tally[:5] if tally.samples > 1 else tally.mean for name, tally in fields.items()})


def read_pieces(  # noqa: PLR0917
    connection: sqlite3.Connection,
    series_id: int,
    width: RollupName,
    span: tuple[int, int],
    fields: Sequence[str],
    most: int,
) -> list[RollupPiece]:
    """The first pieces that begin in the span [from, to), at most so many, with the asked fields."""
    select = """SELECT start_us, count, covered_us, body FROM rollup
                WHERE series_id = ? AND width = ? AND start_us >= ? AND start_us < ? ORDER BY start_us LIMIT ?"""
    rows = connection.execute(select, (series_id, width, *span, most)).fetchall()
    return [
        RollupPiece(start_us, count, covered_us, _decode(body, fields)) for start_us, count, covered_us, body in rows
    ]


def _decode(body: str, fields: Sequence[str]) -> dict[str, FieldTally]:
    stored = json.loads(body)
    return {name: _tally(stored[name]) for name in fields if name in stored}


def _tally(stored: list[Any] | float) -> FieldTally:
    return FieldTally(*stored) if isinstance(stored, list) else FieldTally(stored, stored, stored, stored, 1)


def _samples(connection: sqlite3.Connection, series_id: int, hour_us: int, reach: int) -> Iterator[Numbers]:
    select = "SELECT ts_us, body FROM sample WHERE series_id = ? AND ts_us >= ? AND ts_us < ? ORDER BY ts_us"
    for ts_us, body in connection.execute(select, (series_id, hour_us - reach, hour_us + HOUR_US + reach)):
        values = json.loads(body)
        yield ts_us, {name: value for name, value in values.items() if type(value) in {int, float}}
