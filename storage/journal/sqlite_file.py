"""The gateway's own SQLite files: one writer, durable commits, a damaged file set aside; what their errors mean."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devices.errors import DiskFull, JournalUnavailable
from storage.sqlite_transaction import committed_transaction

_READER_CACHE_KIB = 256
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def open_writer(path: Path, schema: str, cache_kib: int) -> tuple[sqlite3.Connection, Path | None]:
    """Open for writing with every commit on disk; returns the connection and where a damaged file was put.

    Raises DiskFull, JournalUnavailable: such a file is not damaged, and stays where it is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with journal_errors():
        try:
            return _open(path, schema, cache_kib), None
        except sqlite3.DatabaseError as error:
            if _code(error) not in _DAMAGED:
                raise
        aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return _open(path, schema, cache_kib), aside


def _code(error: sqlite3.Error) -> int:
    """Primary result code; errors that Python raises by itself have none."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _open(path: Path, schema: str, cache_kib: int) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    try:
        connection.executescript(
            "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            f"PRAGMA temp_store=MEMORY; PRAGMA cache_size=-{cache_kib};"
        )
        connection.executescript(schema)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Open read-only; such a connection never checkpoints. What it reads it reads once: a cache would only grow.

    Raises JournalUnavailable.
    """
    with journal_errors():
        connection = sqlite3.connect(
            f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False, timeout=5
        )
        connection.execute(f"PRAGMA cache_size=-{_READER_CACHE_KIB}")
        return connection


@contextmanager
def journal_errors() -> Iterator[None]:
    """Turn errors of an open file into DiskFull or JournalUnavailable."""
    try:
        yield
    except sqlite3.Error as error:
        raise (DiskFull if _code(error) == sqlite3.SQLITE_FULL else JournalUnavailable)(str(error)) from error


@contextmanager
def journal_transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit at the end of the block, roll back on any error. Raises DiskFull, JournalUnavailable."""
    with journal_errors(), committed_transaction(connection):
        yield


def used_bytes(connection: sqlite3.Connection) -> int:
    """Bytes in use in the file, without free pages."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * size)


def give_back(connection: sqlite3.Connection, above_pages: int = 4096) -> None:
    """Return free pages to the file system, some at a time, when there are many."""
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    if free > above_pages:
        connection.executescript(f"PRAGMA incremental_vacuum({min(free - above_pages, 8192)})")
