"""Deleting what is over its time, and the proof of it; persons in the books."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from application.ports.paging import ResultPage


@dataclass(frozen=True, slots=True)
class DeletionRecord:
    """That so many records of a class, from one instant to another, were deleted."""

    at_us: int
    data_class: str
    kind: str | None
    tenant_id: str | None
    from_us: int | None
    to_us: int | None
    count: int


class RetentionRepository(Protocol):
    """What is kept for a time, by class of data."""

    def classes(self) -> Collection[str]:
        """Names of the classes there are."""

    def drop(self, data_class: str, before_us: int, now_us: int, limit: int) -> Sequence[DeletionRecord]:
        """Delete at most `limit` records that ended before an instant, oldest first; says what, per town and kind."""


class DeletionLog(Protocol):
    """The deletion log: appended to, never changed."""

    def add(self, deletions: Sequence[DeletionRecord]) -> None:
        """Append, in the transaction that deletes."""

    def find(
        self,
        tenant_ids: Collection[str] | None,
        kinds: Collection[str],
        limit: int = 100,
        cursor: str | None = None,
    ) -> ResultPage[DeletionRecord]:
        """Newest first, of these towns (None: all) and kinds, and of no kind. Raises Invalid for a foreign cursor."""


class PersonIndex(Protocol):
    """Persons as they are named in commands, alarms, loans, logins of devices, and the audit log."""

    def places(self) -> Collection[str]:
        """Names of the places there are."""

    def age(self, place: str, from_us: int, before_us: int, now_us: int, limit: int) -> tuple[int, int]:
        """Put pseudonyms for the persons named in a place between two instants, in about `limit` records.

        Returns the instant up to which it came, and how many records it changed. Names of API keys stay.
        """

    def named(
        self, name: str, actor: str, limit: int, tenant_ids: Collection[str] | None = None
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Records of these towns (None: all) that name a person, also by his pseudonym, by place.

        Newest first, at most `limit` each. A record that belongs to a kind has `kind`, or `subject` in the audit log.
        """

    def erase(self, name: str, actor: str, tenant_ids: Collection[str] | None = None) -> tuple[str, Mapping[str, int]]:
        """Put a pseudonym wherever a person is named in these towns' records, and forget whose it is.

        Returns it, and the number of records by place.
        """
