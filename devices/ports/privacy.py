"""Deleting what is over its time, and the proof of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from devices.ports.paging import Page


@dataclass(frozen=True, slots=True)
class Deletion:
    """That so many records of a class, from one instant to another, were deleted."""

    at_us: int
    data_class: str
    kind: str | None
    tenant_id: str | None
    from_us: int | None
    to_us: int | None
    count: int


class Retained(Protocol):
    """What is kept for a time, by class of data."""

    def classes(self) -> Collection[str]:
        """Names of the classes there are."""

    def drop(self, data_class: str, before_us: int, now_us: int, limit: int) -> Sequence[Deletion]:
        """Delete at most `limit` records that ended before an instant, oldest first; says what, per town and kind."""


class Deletions(Protocol):
    """The deletion log: appended to, never changed."""

    def add(self, deletions: Sequence[Deletion]) -> None:
        """Append, in the transaction that deletes."""

    def find(
        self,
        tenant_ids: Collection[str] | None,
        kinds: Collection[str],
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Deletion]:
        """Newest first, of these towns (None: all) and kinds, and of no kind. Raises Invalid for a foreign cursor."""
