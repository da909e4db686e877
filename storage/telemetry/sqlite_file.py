"""Opening SQLite files of the telemetry store, and what their errors mean."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from devices.errors import StoreUnavailable
from storage.sqlite_transaction import committed_transaction

BUSY_S: Final = 5.0
WAL_KEPT_BYTES: Final = 64 * 1024 * 1024
SERIES_TABLES: Final = """
CREATE TABLE IF NOT EXISTS series (
    series_id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL, asset_id TEXT NOT NULL, series TEXT NOT NULL, part TEXT NOT NULL,
    UNIQUE (kind, asset_id, series, part)
);
CREATE TABLE IF NOT EXISTS unrolled (
    hour_us INTEGER NOT NULL, series_id INTEGER NOT NULL,
    PRIMARY KEY (hour_us, series_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unrolled_of_series ON unrolled (series_id, hour_us);
"""
SAMPLE_TABLES: Final = """
CREATE TABLE IF NOT EXISTS sample (
    series_id INTEGER NOT NULL, ts_us INTEGER NOT NULL,
    received_us INTEGER NOT NULL, suspect INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (series_id, ts_us)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rollup (
    series_id INTEGER NOT NULL, width TEXT NOT NULL, start_us INTEGER NOT NULL,
    count INTEGER NOT NULL, covered_us INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (series_id, width, start_us)
) WITHOUT ROWID;
"""


def open_writer(path: Path, tables: str) -> sqlite3.Connection:
    """Open the one writing connection, which alone checkpoints, and create what is missing. Raises StoreUnavailable."""
    with store_errors():
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            connection.executescript(
                "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                f"PRAGMA journal_size_limit={WAL_KEPT_BYTES};"
            )
            connection.executescript(f"BEGIN IMMEDIATE;{tables}COMMIT;")
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that can neither write nor checkpoint. Raises StoreUnavailable, also while there is no file."""
    with store_errors():
        uri = f"{path.absolute().as_uri()}?mode=ro"
        return sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn errors of the file (locked, full, broken, missing) into StoreUnavailable."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailable(f"SQLite: {error}") from error


@contextmanager
def store_transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit at the end of the block, roll back on any error; errors of the file become StoreUnavailable."""
    with store_errors(), committed_transaction(connection):
        yield
