"""Keeps the registry as it is for a moment: no cursor moves then, since each notes in it how far it came."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, create_engine, inspect, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from devices.errors import RegistryUnavailable
from storage.registry.database_errors import registry_errors
from storage.registry.tables import DEAD_LETTERS, POSITIONS
from storage.writable import with_reason

WAIT_S: Final = 10.0
TRY_MS: Final = 300
"""Shorter than PostgreSQL's own look for deadlocks: whoever waits for us while we wait for them goes first."""
_HELD: Final = (DEAD_LETTERS.name, POSITIONS.name)
"""What notes that a message went on: a replayed letter, a cursor's position."""


@contextmanager
def writes_stopped(url: str) -> Iterator[None]:
    """Whoever writes waits for the end of the block, up to 5 s, and then tries again; nothing is written here.

    On PostgreSQL only writes wait that say how far messages have come. Raises RegistryUnavailable.
    """
    place = make_url(url)
    if place.get_backend_name() == "sqlite":
        with _sqlite_stopped(place.database or ""):
            yield
        return
    engine = create_engine(place.set(drivername="postgresql+psycopg"), poolclass=NullPool)
    with registry_errors(), engine.connect() as connection:
        _lock(connection)
        yield
        connection.rollback()


@contextmanager
def _sqlite_stopped(path: str) -> Iterator[None]:
    try:
        # Read and write, but never make one.
        with closing(
            sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=WAIT_S)
        ) as held:
            held.execute("PRAGMA wal_autocheckpoint=0")
            held.execute("BEGIN IMMEDIATE")
            yield
            held.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise RegistryUnavailable(with_reason(Path(path), error)) from error


def _lock(connection: Connection) -> None:
    connection.execute(text(f"SET lock_timeout = {TRY_MS}"))
    there = [name for name in _HELD if inspect(connection).has_table(name)]
    connection.commit()
    deadline = time.monotonic() + WAIT_S
    while there:
        try:
            connection.execute(text(f"LOCK TABLE {', '.join(there)} IN SHARE MODE"))
        except OperationalError:
            connection.rollback()
            if time.monotonic() > deadline:
                raise
        else:
            return
