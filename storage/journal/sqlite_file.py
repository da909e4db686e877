"""Opening the gateway's own SQLite files: one writer, durable commits, a damaged file set aside."""

import sqlite3
import time
from pathlib import Path

_READER_CACHE_KIB = 256


def open_writer(path: Path, schema: str, cache_kib: int) -> tuple[sqlite3.Connection, Path | None]:
    """Open for writing with every commit on disk; returns the connection and where a damaged file was put."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _open(path, schema, cache_kib), None
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            raise
        aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return _open(path, schema, cache_kib), aside


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
    """Open read-only; such a connection never checkpoints. What it reads it reads once: a cache would only grow."""
    connection = sqlite3.connect(
        f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False, timeout=5
    )
    connection.execute(f"PRAGMA cache_size=-{_READER_CACHE_KIB}")
    return connection


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
