"""Upserts of the hot path: one static statement, whole rows as tuples, no work per row in Python."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Connection, Integer, Table, Text, TypeDecorator

ARRAY_TYPES: Final = {BigInteger: "bigint", Integer: "bigint", Boolean: "boolean", Text: "text"}


class BulkUpsert:
    """INSERT … ON CONFLICT (primary key) DO UPDATE for rows as tuples in the order of `columns`.

    The first columns are the primary key. Columns in `keep` stay as first inserted, those in `add` are summed up.
    """

    def __init__(
        self, table: Table, columns: Sequence[str], *, keep: Collection[str] = (), add: Collection[str] = ()
    ) -> None:
        key = [column.name for column in table.primary_key]
        self._key_length = len(key)
        changes = ", ".join(
            f"{name} = {table.name}.{name} + excluded.{name}" if name in add else f"{name} = excluded.{name}"
            for name in columns
            if name not in key and name not in keep
        )
        head = f"INSERT INTO {table.name} ({', '.join(columns)})"
        tail = f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
        marks = ", ".join("?" for _ in columns)
        arrays = ", ".join(f"%s::{_array_type(table.c[name])}[]" for name in columns)
        self._sqlite = f"{head} VALUES ({marks}) {tail}"
        self._postgres = f"{head} SELECT * FROM unnest({arrays}) {tail}"  # noqa: S608 - names are of our tables

    def run(self, connection: Connection, rows: list[tuple[Any, ...]]) -> None:
        """Write the rows; of two with one key the later wins. With `add` no key may come twice."""
        if not rows:
            return
        if connection.dialect.name != "postgresql":
            connection.exec_driver_sql(self._sqlite, rows)
            return
        length = self._key_length
        newest: dict[tuple[Any, ...], tuple[Any, ...]] = {row[:length]: row for row in rows}
        # Two writers that lock rows in the same order never deadlock.
        columns = zip(*(newest[key] for key in sorted(newest)), strict=True)
        connection.exec_driver_sql(self._postgres, tuple(list(column) for column in columns))


def _array_type(column: Column[Any]) -> str:
    kind = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
    return next(name for base, name in ARRAY_TYPES.items() if isinstance(kind, base))
