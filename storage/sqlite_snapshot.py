"""One state of a SQLite file that others write to, copied page by page while they go on."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PAGES_AT_ONCE: Final = 4096
BUSY_S: Final = 10.0
Tell = Callable[[int, int], None]
"""Told how much is done, and of how much."""


class SqliteSnapshot:
    """The file as it was when this was made; writers go on, only their write-ahead log grows until `close`.

    Never writes to the file and never checkpoints. Raises sqlite3.Error.
    """

    def __init__(self, path: Path) -> None:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        self._connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_S)
        try:
            self._connection.execute("BEGIN")
            # The state is that of the first read, not of BEGIN.
            self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.Error:
            self._connection.close()
            raise

    def copy(self, target: Path, tell: Tell) -> None:
        """Write this state to a new file, which then stands alone."""
        with _opened(target) as copy:
            # An open transaction is kept by the backup: it does not begin anew when somebody writes.
            self._connection.backup(
                copy, pages=PAGES_AT_ONCE, progress=lambda _, left, total: tell(total - left, total), sleep=0
            )

    def close(self) -> None:
        """Let go of the state."""
        self._connection.close()


def without_free_pages(path: Path, target: Path) -> bool:
    """Write a file that nobody else has open without its free pages, where these are the half of it; tells whether."""
    with _opened(path) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        if 2 * free < pages:
            return False
        connection.execute("VACUUM INTO ?", (str(target),))
    return True


def file_problems(path: Path) -> str:
    """What is wrong with a file that nobody else has open; empty when it is sound."""
    try:
        with _opened(path) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
    except sqlite3.Error as error:
        return str(error)
    return "" if found == ["ok"] else "; ".join("\n".join(found).splitlines())


def table_row_counts(path: Path) -> Mapping[str, int]:
    """Rows of each table of a file that nobody else has open. Raises sqlite3.Error."""
    with _opened(path) as connection:
        names = [
            str(name)
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
            )
        ]
        return {name: _count(connection, name) for name in sorted(names)}


def _count(connection: sqlite3.Connection, table: str) -> int:
    quoted = table.replace('"', '""')
    return int(connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0])  # noqa: S608 - a quoted name


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of the block's own; closing it leaves no file beside the database."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()
