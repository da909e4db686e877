"""Cursors."""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json
from sqlalchemy import Column, Connection, MetaData, Table, Text, create_engine, insert, select

from devices.errors import Invalid
from devices.time_us import SECOND_US
from storage.registry.metadata import Instant
from storage.registry.paging import Rows, in_order, newest_first

THINGS = Table("things", MetaData(), Column("thing_id", Text, primary_key=True), Column("at_us", Instant))
ORDER = (THINGS.c.at_us, THINGS.c.thing_id)
IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
WHAT = st.dictionaries(IDS, st.integers(0, 3).map(lambda second: second * SECOND_US), max_size=12)
CURSORS = st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode())


@contextmanager
def table_of(things: dict[str, int]) -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        THINGS.create(connection)
        if things:
            connection.execute(insert(THINGS), [{"thing_id": key, "at_us": at_us} for key, at_us in things.items()])
        yield connection
    engine.dispose()


def all_pages(page: Callable[[str | None], tuple[Rows, str | None]], limit: int) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        rows, cursor = page(cursor)
        found.extend(row.thing_id for row in rows)
        assert len(rows) <= limit
        if cursor is None:
            return found


@given(things=WHAT, limit=st.integers(1, 5))
def test_pages_together_are_the_list(things: dict[str, int], limit: int) -> None:
    with table_of(things) as connection:
        rising = all_pages(lambda cursor: in_order(connection, select(THINGS), ORDER[1], limit, cursor), limit)
        newest = all_pages(lambda cursor: newest_first(connection, select(THINGS), ORDER, limit, cursor), limit)
    assert rising == sorted(things, key=lambda key: key.encode())
    assert newest == sorted(things, key=lambda key: (things[key], key.encode()), reverse=True)


@given(cursor=CURSORS)
def test_whatever_comes_as_cursor_is_a_page_or_invalid(cursor: str) -> None:
    with table_of({}) as connection, suppress(Invalid):
        assert newest_first(connection, select(THINGS), ORDER, 5, cursor) == ([], None)


@pytest.mark.parametrize(
    "values", [[1], ["a", 1], [True, "a"], [2**63, "a"], [1, "a\0"], [1.5, "a"], {"a": 1}, [1, "a", 2]]
)
def test_cursors_of_other_lists_are_invalid(values: object) -> None:
    cursor = base64.urlsafe_b64encode(to_json(values)).decode().rstrip("=")
    with table_of({"a": 1}) as connection, pytest.raises(Invalid):
        newest_first(connection, select(THINGS), ORDER, 5, cursor)
