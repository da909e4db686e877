"""One writing transaction on a plain SQLite connection."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def committed_transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit at the end of the block, roll back on any error. Raises sqlite3.Error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
