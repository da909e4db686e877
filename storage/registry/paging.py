"""Pages by key: stable while rows are added, cheap at any depth. The cursor is opaque outside."""

import base64
import binascii
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import ColumnElement, Connection, Row, Select, tuple_

from devices.errors import Invalid

Rows = list[Row[Any]]


def newest_first(
    connection: Connection,
    query: Select[Any],
    order: tuple[ColumnElement[int], ColumnElement[str]],
    limit: int,
    cursor: str | None,
) -> tuple[Rows, str | None]:
    """Page of `query` by falling (instant, id), the two columns of `order`. Raises Invalid for a foreign cursor."""
    instant, key = order
    if cursor is not None:
        query = query.where(tuple_(instant, key) < tuple_(*_decode(cursor, (int, str))))
    rows = list(connection.execute(query.order_by(instant.desc(), key.desc()).limit(limit + 1)))
    return _cut(rows, limit, (instant, key))


def in_order(
    connection: Connection, query: Select[Any], key: ColumnElement[str], limit: int, cursor: str | None
) -> tuple[Rows, str | None]:
    """Page of `query` by rising key. Raises Invalid for a foreign cursor."""
    if cursor is not None:
        query = query.where(key > _decode(cursor, (str,))[0])
    rows = list(connection.execute(query.order_by(key).limit(limit + 1)))
    return _cut(rows, limit, (key,))


def _cut(rows: Rows, limit: int, keys: tuple[ColumnElement[Any], ...]) -> tuple[Rows, str | None]:
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    return rows[:limit], _encode([last[key] for key in keys])


def _encode(values: list[int | str]) -> str:
    return base64.urlsafe_b64encode(to_json(values)).decode().rstrip("=")


def _decode(cursor: str, types: tuple[type, ...]) -> list[int | str]:
    try:
        values = from_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        values = None
    if not isinstance(values, list) or [type(value) for value in values] != list(types) or not all(map(_fits, values)):
        raise Invalid("no_cursor_of_list", field="cursor")
    return values


def _fits(value: int | str) -> bool:
    return "\0" not in value if isinstance(value, str) else -(2**63) <= value < 2**63
