"""Holds judging still for a moment, so that several files can be looked at as of one moment."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devices.errors import JournalUnavailable


@contextmanager
def judging_stopped(path: Path, wait_s: float = 10) -> Iterator[None]:
    """Keep the identity file's one write lock inside the block; the gateway waits for it up to 5 s, then tries again.

    Nothing is written. Raises JournalUnavailable when the lock is not to be had in time.
    """
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=wait_s)
    try:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise JournalUnavailable(f"{path}: {error}") from error
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()
