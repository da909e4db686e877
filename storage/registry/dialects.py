"""How each database is connected to: one engine that reads, one that writes."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event

from devices.errors import ConfigurationError, RegistryUnavailable
from storage.writable import with_reason

BUSY_S: Final = 5.0
READERS: Final = 8
CHECKPOINT_PAGES: Final = 4000
"""16 MB of write-ahead log; a batch of 2,000 devices writes about 1 MB."""


def open_sqlite(url: URL, *, checkpoints: bool) -> tuple[Engine, Engine]:
    """Engines of a SQLite file. Write transactions wait for each other in the pool, then 5 s for other processes."""
    if not url.database or url.database == ":memory:":
        raise ConfigurationError("the registry needs a file: sqlite:///path")
    _use_write_ahead_log(url.database)
    arguments = {"timeout": BUSY_S, "isolation_level": None, "check_same_thread": False}
    reader = create_engine(
        url,
        connect_args=arguments,
        pool_size=READERS,
        max_overflow=READERS,
        pool_timeout=BUSY_S,
        pool_use_lifo=True,  # each connection has a cache of its own: few of them, and warm ones
    )
    writer = create_engine(url, connect_args=arguments, pool_size=1, max_overflow=0, pool_timeout=BUSY_S)
    # Before 3.51.3 two connections that checkpoint can lose a commit: one connection of one process does it.
    pages = CHECKPOINT_PAGES if checkpoints else 0
    event.listen(reader, "connect", _pragmas("query_only=ON", "wal_autocheckpoint=0"))
    event.listen(writer, "connect", _pragmas("foreign_keys=ON", "cache_size=-8000", f"wal_autocheckpoint={pages}"))
    event.listen(reader, "begin", _begin("BEGIN"))
    event.listen(writer, "begin", _begin("BEGIN IMMEDIATE"))
    return reader, writer


def open_postgres(url: URL) -> tuple[Engine, Engine]:
    """Engines of a PostgreSQL database; both use one pool. A reader sees one snapshot."""
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={
            "connect_timeout": int(BUSY_S),
            "application_name": "lautern",
            "options": f"-c lock_timeout={BUSY_S * 1000:.0f} -c idle_in_transaction_session_timeout=60000",
        },
        pool_size=READERS,
        max_overflow=READERS,
        pool_timeout=BUSY_S,
        pool_pre_ping=True,
    )
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True), engine


def _use_write_ahead_log(path: str) -> None:
    """Switch the file to WAL once; the switch does not wait for other connections by itself."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            connection = sqlite3.connect(path, timeout=BUSY_S)
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            finally:
                connection.close()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise RegistryUnavailable(with_reason(Path(path), error)) from error
            time.sleep(0.05)


def _pragmas(*settings: str) -> Callable[[sqlite3.Connection, Any], None]:
    def apply(connection: sqlite3.Connection, _record: object) -> None:
        for setting in ("synchronous=FULL", "journal_size_limit=67108864", *settings):
            connection.execute(f"PRAGMA {setting}")

    return apply


def _begin(statement: str) -> Callable[[Connection], None]:
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)

    return begin
