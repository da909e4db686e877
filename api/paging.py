"""Lists: `{"items": […], "next_cursor": …}`, at most 500 at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel

from devices.ports.paging import Page

LONGEST: Final = 500
_CURSOR: Final = r"^[A-Za-z0-9_.:=~+/|-]+$"
T = TypeVar("T")
S = TypeVar("S")


class Items(BaseModel, Generic[T]):
    """One page of a list; `next_cursor` null at the end."""

    items: list[T]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which page is asked for."""

    limit: int
    cursor: str | None


def _wanted(
    limit: Annotated[int, Query(ge=1, le=LONGEST, description="At most so many items.")] = 100,
    cursor: Annotated[str | None, Query(max_length=512, pattern=_CURSOR, description="`next_cursor` before.")] = None,
) -> Wanted:
    return Wanted(limit, cursor)


PageWanted = Annotated[Wanted, Depends(_wanted)]
"""Annotate a list route's parameter with this; pass `limit` and `cursor` to the port."""


def page_of(page: Page[S], show: Callable[[S], T]) -> Items[T]:
    """Show each item of a port's page."""
    return Items[T](items=[show(i) for i in page.items], next_cursor=page.next_cursor)
