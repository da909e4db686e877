"""Takes in what `export` told of a registry, into a database without tables; and what a restored registry needs."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from sqlalchemy import Connection, Table, func, insert, inspect, make_url, select, text, update
from sqlalchemy.exc import StatementError

from devices.errors import Invalid
from storage.registry.database_errors import registry_errors
from storage.registry.dialects import UNHURRIED, open_postgres
from storage.registry.export_registry import BYTES_KEY, ROWS_AT_ONCE, numbered_tables, sequence_of, tables_of
from storage.registry.migrate import upgrade_tables
from storage.registry.tables import CHANGES, DESIRED_CONFIGS

LINE_BYTES: Final = 64 * 2**20
LEAP: Final = 1_000_000_000
"""Change ids are never given twice: those given after the backup was made are known to somebody."""


class RegistryImport:
    """Fills an empty PostgreSQL database in one transaction. Raises RegistryUnavailable, Conflict throughout."""

    def __init__(self, url: str) -> None:
        _, self._engine = open_postgres(make_url(url), UNHURRIED)

    def tables(self) -> Sequence[str]:
        """Names of the tables that are there."""
        with registry_errors(), self._engine.connect() as connection:
            return sorted(inspect(connection).get_table_names())

    def run(
        self, revisions: Sequence[str], files: Mapping[str, Path], sequences: Mapping[str, int]
    ) -> Mapping[str, int]:
        """Make the tables as they were, take in the rows of each; returns how many rows each table has then.

        `files` by table, in any order. Raises Invalid, and ConfigurationError for steps that are not known here.
        """
        try:
            with registry_errors(), self._engine.connect() as connection, connection.begin():
                return _take_in(connection, revisions, files, sequences)
        except StatementError as error:
            raise Invalid("row_refused", why=str(error.orig or error).partition(chr(10))[0]) from error

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _take_in(
    connection: Connection, revisions: Sequence[str], files: Mapping[str, Path], sequences: Mapping[str, int]
) -> Mapping[str, int]:
    upgrade_tables(connection, revisions)
    tables = {table.name: table for table in tables_of(connection)}
    if other := files.keys() - tables.keys():
        raise Invalid("no_such_tables", names=sorted(other))
    for name, table in tables.items():
        if name in files:
            _fill(connection, table, files[name])
    _go_on_counting(connection, list(tables.values()), sequences)
    return {name: _count(connection, table) for name, table in tables.items()}


def make_ready(connection: Connection) -> None:
    """Let a restored registry go on with a broker that has nothing: configurations count as not yet published.

    Their versions stay; numbers of changes leap ahead, so that none is given twice.
    """
    connection.execute(update(DESIRED_CONFIGS).values(published_version=None, pending=True))
    newest = connection.execute(select(func.max(CHANGES.c.change_id))).scalar_one() or 0
    if connection.dialect.name == "postgresql":
        sequence = sequence_of(connection, CHANGES.name, CHANGES.c.change_id.name)
        last = connection.execute(text(f"SELECT last_value FROM {sequence}")).scalar_one()  # noqa: S608 - a name of the server's
        connection.execute(text("SELECT setval(:sequence, :last)"), {"sequence": sequence, "last": last + LEAP})
        return
    leapt = connection.execute(
        text("UPDATE sqlite_sequence SET seq = max(seq, :newest) + :leap WHERE name = :name"),
        {"newest": newest, "leap": LEAP, "name": CHANGES.name},
    )
    if not leapt.rowcount:
        connection.execute(
            text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"),
            {"name": CHANGES.name, "seq": newest + LEAP},
        )


def _fill(connection: Connection, table: Table, path: Path) -> None:
    with path.open("rb") as file:
        columns = [str(name) for name in _read(file) or ()]
        if set(columns) - set(table.columns.keys()) or set(table.primary_key.columns.keys()) - set(columns):
            raise Invalid("other_columns", table=table.name)
        some: list[dict[str, object]] = []
        for values in iter(lambda: _read(file), None):
            if len(values) != len(columns):
                raise Invalid("row_of_other_length", table=table.name, values=len(values), columns=len(columns))
            some.append(dict(zip(columns, map(_value, values), strict=True)))
            if len(some) == ROWS_AT_ONCE:
                connection.execute(insert(table), some)
                some = []
        if some:
            connection.execute(insert(table), some)


def _read(file: BinaryIO) -> list[object] | None:
    """The next line's values; None at the end. Raises Invalid."""
    line = file.readline(LINE_BYTES)
    if not line:
        return None
    try:
        values = json.loads(line)
    except ValueError as error:
        raise Invalid("line_no_json", why=str(error)) from error
    if not isinstance(values, list):
        raise Invalid("line_no_list")
    return values


def _value(shown: object) -> object:
    if not isinstance(shown, dict):
        return shown
    try:
        return base64.b64decode(shown[BYTES_KEY], validate=True)
    except (KeyError, TypeError, binascii.Error) as error:
        raise Invalid("value_not_plain", why=str(error)) from error


def _go_on_counting(connection: Connection, tables: Sequence[Table], sequences: Mapping[str, int]) -> None:
    for table, column in numbered_tables(tables):
        sequence = sequence_of(connection, table, column)
        last = sequences.get(table, 0)
        if sequence and last > 0:
            connection.execute(text("SELECT setval(:sequence, :last)"), {"sequence": sequence, "last": last})


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())
