"""One state of a registry on PostgreSQL as lines of JSON, table by table, which any database can take in again."""

import base64
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Integer, MetaData, Table, make_url, select, text

from devices.errors import RegistryUnavailable
from storage.registry.database_errors import registry_errors
from storage.registry.dialects import UNHURRIED, open_postgres
from storage.registry.migrate import REVISIONS_TABLE, taken_revisions

ROWS_AT_ONCE: Final = 1000
BYTES_KEY: Final = "base64"
"""JSON has no bytes: they are an object with this one key."""


class RegistrySnapshot:
    """Connected when made; what it tells is as of `pin`. Raises RegistryUnavailable throughout."""

    def __init__(self, url: str) -> None:
        reader, self._engine = open_postgres(make_url(url), UNHURRIED)
        with registry_errors():
            self._connection = reader.connect()
        self._tables: Sequence[Table] = ()

    def pin(self) -> None:
        """Fix the state; from then on rows are as they were now."""
        with registry_errors():
            # Reading on may take longer than an idle transaction is allowed to.
            self._connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            self._connection.execute(text("SELECT count(*) FROM pg_class")).one()

    def revisions(self) -> Sequence[str]:
        """Steps that the tables have taken."""
        with registry_errors():
            return sorted(taken_revisions(self._connection))

    def tables(self) -> Sequence[str]:
        """Names, each after those that its rows point to."""
        if not self._tables:
            with registry_errors():
                self._tables = tables_of(self._connection)
        return [table.name for table in self._tables]

    def lines(self, name: str) -> Iterator[bytes]:
        """The names of the columns, then each row, in order of the key; a line of JSON each, with its end."""
        table = next(t for t in self._tables if t.name == name)
        yield _line([column.name for column in table.columns])
        query = select(table).order_by(*table.primary_key)
        with registry_errors():
            for row in self._connection.execution_options(yield_per=ROWS_AT_ONCE).execute(query):
                yield _line([_shown(value) for value in row])

    def sequences(self) -> Mapping[str, int]:
        """Last number that each table has given out; never behind the rows, since sequences do not roll back."""
        found: dict[str, int] = {}
        with registry_errors():
            for table, column in numbered_tables(self._tables):
                sequence = sequence_of(self._connection, table, column)
                if sequence:
                    row = self._connection.execute(text(f"SELECT last_value, is_called FROM {sequence}")).one()  # noqa: S608 - a name of the server's
                    found[table] = int(row.last_value) if row.is_called else 0
        return found

    def close(self) -> None:
        """Let go of the state."""
        self._connection.close()
        self._engine.dispose()


def tables_of(connection: Connection) -> Sequence[Table]:
    """The tables as they are in the database, of whatever version, each after those that its rows point to."""
    metadata = MetaData()
    metadata.reflect(connection)
    return [table for table in metadata.sorted_tables if table.name != REVISIONS_TABLE]


def numbered_tables(tables: Sequence[Table]) -> Iterator[tuple[str, str]]:
    """Tables with a column whose values the database may give, and the column."""
    for table in tables:
        key = list(table.primary_key)
        if len(key) == 1 and isinstance(key[0].type, Integer):
            yield table.name, key[0].name


def sequence_of(connection: Connection, table: str, column: str) -> str | None:
    """Quoted name of PostgreSQL's sequence behind a column."""
    found: str | None = connection.execute(
        text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": f'"{table}"', "column": column}
    ).scalar_one()
    return found


def _line(values: Sequence[object]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _shown(value: object) -> object:
    return {BYTES_KEY: base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def revisions_of_file(path: Path) -> Sequence[str]:
    """Steps that the tables of a SQLite registry have taken, a file that nobody else has open."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            found = connection.execute(f"SELECT version_num FROM {REVISIONS_TABLE}").fetchall()  # noqa: S608 - a constant
        except sqlite3.Error as error:
            raise RegistryUnavailable(f"{path.name}: {error}") from error
    return sorted(str(name) for (name,) in found)
