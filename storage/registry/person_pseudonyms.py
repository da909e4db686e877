"""Persons as they are named in the books, and the pseudonyms that stand for them later."""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Text, cast, delete, func, or_, select, update

from application.audit.entry import OURSELVES, SOMEBODY
from storage.registry.metadata import dump_json
from storage.registry.privacy_tables import PSEUDONYMS
from storage.registry.row_statements import insert_new
from storage.registry.tables import ALARMS, API_KEYS, AUDIT, COMMAND_KEYS, COMMANDS, CREDENTIALS, LOANS

_PROGRAMS: Final = ("key:", OURSELVES)


@dataclass(frozen=True, slots=True)
class PersonColumn:
    """A column that names persons; `at` says from when on its name grows old."""

    who: Column[Any]
    at: ColumnElement[Any]
    cleared: tuple[str, ...] = ()
    """Columns that are emptied with it."""
    of_actor: bool = False
    """Names `user:anna`, not what people read."""
    town: str = "tenant_id"
    """Column with the town in which the person did it."""

    def within(self, tenant_ids: Collection[str] | None) -> Sequence[ColumnElement[bool]]:
        """Conditions for the records of these towns; none for all."""
        return () if tenant_ids is None else (self.who.table.c[self.town].in_(tenant_ids),)


PLACES: Final[Mapping[str, PersonColumn]] = {
    "commands": PersonColumn(COMMANDS.c.issuer, COMMANDS.c.issued_us),
    "command_keys": PersonColumn(COMMAND_KEYS.c.issuer, COMMAND_KEYS.c.filed_us),
    "alarms": PersonColumn(ALARMS.c.acknowledged_by, ALARMS.c.acknowledged_us),
    "shelved_alarms": PersonColumn(ALARMS.c.shelved_by, ALARMS.c.raised_us),
    "credentials": PersonColumn(CREDENTIALS.c.issued_by, CREDENTIALS.c.issued_us, of_actor=True),
    # While a key works, its maker's rights bound it: his name grows old from its end on.
    "api_keys": PersonColumn(
        API_KEYS.c.created_by, func.coalesce(API_KEYS.c.revoked_us, API_KEYS.c.expires_us), of_actor=True
    ),
    "loans": PersonColumn(LOANS.c.created_by, LOANS.c.created_us, town="owner_id"),
    "audit": PersonColumn(AUDIT.c.actor, AUDIT.c.at_us, ("name", "address"), of_actor=True),
}
NOTES: Final = "notes"


class SqlPersonIndex:
    """Persons."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def places(self) -> Collection[str]:
        """Names of the places there are."""
        return (*PLACES, NOTES)

    def age(self, place: str, from_us: int, before_us: int, now_us: int, limit: int) -> tuple[int, int]:
        """Put pseudonyms for the persons named in a place between two instants, in about `limit` records."""
        if place == NOTES:
            return self._age_notes(from_us, before_us, now_us, limit)
        found = PLACES[place]
        span = (found.at >= from_us, found.at < before_us)
        cut = select(found.at).where(*span).order_by(found.at).offset(limit - 1).limit(1)
        last_us = self._connection.execute(cut).scalar_one_or_none()
        until_us = before_us if last_us is None else last_us + 1
        within = (found.at >= from_us, found.at < until_us)
        names = self._connection.execute(select(found.who).where(*within, _person(found)).distinct()).scalars().all()
        changed = sum(self._replace(found, name, self._pseudonym(name, now_us), within) for name in names)
        return until_us, changed

    def named(
        self, name: str, actor: str, limit: int, tenant_ids: Collection[str] | None = None
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Records of these towns that name a person, also by his pseudonym, by place; newest first."""
        known = {person: self._known(person) for person in (name, actor)}
        found: dict[str, Sequence[Mapping[str, Any]]] = {}
        for place, where in PLACES.items():
            person = actor if where.of_actor else name
            meant = where.who.in_([p for p in (person, known[person]) if p])
            query = select(where.who.table).where(meant, *where.within(tenant_ids)).order_by(where.at.desc())
            found[place] = [dict(row._mapping) for row in self._connection.execute(query.limit(limit))]  # noqa: SLF001
        written = self._with_notes(name, tenant_ids).order_by(ALARMS.c.raised_us.desc()).limit(limit)
        rows = [dict(row._mapping) for row in self._connection.execute(written)]  # noqa: SLF001
        own = [row | {"notes": [note for note in row["notes"] if note[1] == name]} for row in rows]
        found[NOTES] = [row for row in own if row["notes"]]
        return found

    def erase(self, name: str, actor: str, tenant_ids: Collection[str] | None = None) -> tuple[str, Mapping[str, int]]:
        """Put a pseudonym wherever a person is named in these towns' records, and forget whose it is."""
        pseudonym = _fresh()
        counts = {
            place: self._replace(where, actor if where.of_actor else name, pseudonym, where.within(tenant_ids))
            for place, where in PLACES.items()
        }
        rows = self._connection.execute(self._with_notes(name, tenant_ids)).all()
        counts[NOTES] = sum(self._rename_notes(row, lambda by: pseudonym if by == name else by) for row in rows)
        self._connection.execute(delete(PSEUDONYMS).where(PSEUDONYMS.c.person.in_([name, actor])))
        return pseudonym, counts

    def _age_notes(self, from_us: int, before_us: int, now_us: int, limit: int) -> tuple[int, int]:
        span = (ALARMS.c.raised_us >= from_us, ALARMS.c.raised_us < before_us)
        cut = select(ALARMS.c.raised_us).where(*span).order_by(ALARMS.c.raised_us).offset(limit - 1).limit(1)
        last_us = self._connection.execute(cut).scalar_one_or_none()
        until_us = before_us if last_us is None else last_us + 1
        noted = (ALARMS.c.raised_us >= from_us, ALARMS.c.raised_us < until_us, cast(ALARMS.c.notes, Text) != "[]")
        rows = self._connection.execute(select(ALARMS.c.alarm_id, ALARMS.c.notes).where(*noted)).all()
        keys = set(self._connection.execute(select(API_KEYS.c.name)).scalars())

        def shown(by: str) -> str:
            return by if by in keys or by.startswith(SOMEBODY) else self._pseudonym(by, now_us)

        return until_us, sum(self._rename_notes(row, shown) for row in rows)

    def _with_notes(self, name: str, tenant_ids: Collection[str] | None) -> Any:  # noqa: ANN401 - a select
        query = select(ALARMS.c.alarm_id, ALARMS.c.tenant_id, ALARMS.c.kind, ALARMS.c.notes)
        if tenant_ids is not None:
            query = query.where(ALARMS.c.tenant_id.in_(tenant_ids))
        return query.where(cast(ALARMS.c.notes, Text).contains(dump_json(name), autoescape=True))

    def _rename_notes(self, row: Any, rename: Callable[[str], str]) -> int:  # noqa: ANN401 - a row
        notes = [[at_us, rename(by), *rest] for at_us, by, *rest in row.notes]
        if notes == row.notes:
            return 0
        self._connection.execute(update(ALARMS).where(ALARMS.c.alarm_id == row.alarm_id).values(notes=notes))
        return 1

    def _replace(self, place: PersonColumn, name: str, pseudonym: str, within: Sequence[ColumnElement[bool]]) -> int:
        values: dict[str, Any] = {place.who.name: pseudonym, **dict.fromkeys(place.cleared, "")}
        change = update(place.who.table).where(place.who == name, *within).values(values)
        return self._connection.execute(change).rowcount

    def _known(self, person: str) -> str | None:
        query = select(PSEUDONYMS.c.pseudonym).where(PSEUDONYMS.c.person == person)
        return self._connection.execute(query).scalar_one_or_none()

    def _pseudonym(self, person: str, now_us: int) -> str:
        known = self._known(person)
        if known is None:
            known = _fresh()
            insert_new(
                self._connection,
                PSEUDONYMS,
                [{"person": person, "pseudonym": known, "tenant_id": None, "made_us": now_us}],
            )
        return known


def _person(place: PersonColumn) -> ColumnElement[bool]:
    """What is neither a program's name nor a pseudonym already."""
    if place.of_actor:
        known = (place.who.startswith(begin) for begin in (*_PROGRAMS, SOMEBODY))
        addressed = [place.who.table.c.address != ""] if "address" in place.cleared else []
        return ~or_(*known) & or_(place.who.contains(":"), *addressed)
    return ~or_(place.who.in_(select(API_KEYS.c.name)), place.who.startswith(SOMEBODY), place.who == "")


def _fresh() -> str:
    return SOMEBODY + secrets.token_hex(6)
