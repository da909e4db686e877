"""Pages of lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ResultPage(Generic[T]):
    """Some items and the opaque cursor of the next page; None at the end."""

    items: Sequence[T]
    next_cursor: str | None = None
