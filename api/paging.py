"""Lists: `{"items": […], "next_cursor": …}`, at most 500 at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel

from application.ports.paging import ResultPage

LONGEST: Final = 500
_CURSOR: Final = r"^[A-Za-z0-9_.:=~+/|-]+$"
T = TypeVar("T")
S = TypeVar("S")


class ItemPage(BaseModel, Generic[T]):
    """One page of a list; `next_cursor` null at the end."""

    items: list[T]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which page is asked for."""

    limit: int
    cursor: str | None


def _wanted(
    limit: Annotated[int, Query(ge=1, le=LONGEST, description="At most so many items.")] = 100,
    cursor: Annotated[str | None, Query(max_length=512, pattern=_CURSOR, description="`next_cursor` before.")] = None,
) -> PageQuery:
    return PageQuery(limit, cursor)


PageWanted = Annotated[PageQuery, Depends(_wanted)]
"""Annotate a list route's parameter with this; pass `limit` and `cursor` to the port."""


def page_of(page: ResultPage[S], show: Callable[[S], T]) -> ItemPage[T]:
    """Show each item of a port's page."""
    return ItemPage[T](items=[show(i) for i in page.items], next_cursor=page.next_cursor)
