"""How each database is connected to: one engine that reads, one that writes."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event

from devices.errors import ConfigurationError, RegistryUnavailable
from storage.writable import with_reason

BUSY_S: Final = 5.0
READERS: Final = 8
CHECKPOINT_PAGES: Final = 4000
"""16 MB of write-ahead log; a batch of 2,000 devices writes about 1 MB."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long PostgreSQL works on one statement, and keeps a transaction that does nothing, s; 0 without end."""

    statement_s: float
    idle_s: float

    def options(self) -> str:
        """For the server, as libpq takes them; whoever waits for a lock does so for 5 s."""
        timeouts = {
            "lock_timeout": BUSY_S,
            "statement_timeout": self.statement_s,
            "idle_in_transaction_session_timeout": self.idle_s,
        }
        return " ".join(f"-c {name}={seconds * 1000:.0f}" for name, seconds in timeouts.items())


ANSWERING: Final = Patience(statement_s=15, idle_s=60)
"""Of what somebody waits for: the API, the broker's auth callout."""
WORKING: Final = Patience(statement_s=30, idle_s=60)
"""Of the gateway: shorter than a loop of it may stand still."""
UNHURRIED: Final = Patience(statement_s=0, idle_s=600)
"""Of programs somebody looks at: backup, verification of the audit log."""


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


def open_postgres(url: URL, patience: Patience) -> tuple[Engine, Engine]:
    """Engines of a PostgreSQL database; both use one pool. A reader sees one snapshot. What the URL says wins."""
    given = {"connect_timeout": int(BUSY_S), "application_name": "lautern"}
    own = url.query.get("options", ())
    options = " ".join([patience.options(), *((own,) if isinstance(own, str) else own)])  # the last of a name counts
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={n: v for n, v in given.items() if n not in url.query} | {"options": options},
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
