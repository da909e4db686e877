"""Statements that both databases understand, for many rows at once."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite

from devices.deferred_module import DeferredModule

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql
else:
    postgresql = DeferredModule("sqlalchemy.dialects.postgresql")

Row = Mapping[str, Any]
T = TypeVar("T")
CHUNK = 500


def in_chunks(items: Collection[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Slices small enough for IN (…) on either database."""
    listed = list(items)
    for start in range(0, len(listed), size):
        yield listed[start : start + size]


def upsert_rows(connection: Connection, table: Table, rows: Sequence[Row], keep: Collection[str] = ()) -> None:
    """Insert rows (all with the same columns), or replace all but the columns `keep` where the primary key exists."""
    if not rows:
        return
    key = [column.name for column in table.primary_key]
    statement = _insert(connection, table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in key and name not in keep}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), list(rows))


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Insert the rows that violate no key; returns how many were new."""
    if not rows:
        return 0
    statement = _insert(connection, table).on_conflict_do_nothing()
    return connection.execute(statement, list(rows), execution_options={"preserve_rowcount": True}).rowcount


def _insert(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
