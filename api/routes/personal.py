"""What is known of a person: for himself to take with him, and to be forgotten (GDPR, Articles 15, 17 and 20)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, JsonValue

from api.access import Caller, actor_of
from api.authentication import Who, needs
from api.fields import IdInPath
from api.maker_gone import end_keys
from api.problems import responses
from api.queries import Ask
from api.recording import of, record
from api.routes import users
from api.services import Services, Use
from devices.audit.entry import ERASED
from devices.errors import Conflict, Forbidden
from devices.instants import rfc3339
from devices.people.roles import Grant
from devices.ports.access import ApiKeys
from devices.ports.people import Sessions, User, Users
from devices.ports.privacy import Persons
from devices.ports.registry import Transaction
from devices.ports.second_factors import SecondFactors

SCOPE: Final = "privacy:admin"
MOST: Final = 10_000
_HIDDEN: Final = frozenset({"secret_sha256", "proof", "person", "content", "previous", "mac"})
_SAME_NAME: Final = "the name is not his alone: change it first"
Keeper = Annotated[Caller, needs(SCOPE)]
router = APIRouter(prefix="/users/{user_id}", tags=["privacy"])


class Personal(BaseModel):
    """All that names a person, as far as the caller may see its kind; the newest 10,000 records of each place."""

    user: dict[str, JsonValue]
    sessions: list[dict[str, JsonValue]]
    second_factors: list[dict[str, JsonValue]]
    """For himself alone."""
    records: dict[str, list[dict[str, JsonValue]]]
    """By place: commands, alarms, notes, audit and others."""
    not_shown: list[str]
    """Kinds that the caller may not see: whoever may see them can ask for the rest."""


class Erased(BaseModel):
    """The pseudonym that stands where the person was named, and in how many records of each place."""

    pseudonym: str
    records: dict[str, int]
    keys_revoked: list[str]
    """Names of the API keys that the person had made, which ended with that."""


@router.get("/export")
async def export_person(user_id: IdInPath, who: Who, services: Use, question: Ask) -> Personal:
    """Give out all that names a person: to himself, or to who holds `privacy:admin`."""
    return await question.answer(lambda _: _personal(user_id, who, services), rows=0)


def _personal(user_id: str, who: Caller, services: Services) -> Personal:
    with services.registry.write() as tx:
        is_self = who.user_id == user_id
        if is_self:
            user = tx.get(Users).get(user_id)
        else:
            who.require(SCOPE)
            user = users.find(tx, who, user_id)
        named = tx.get(Persons).named(user.name, actor_of(user_id), MOST, who.tenants())
        sessions = tx.get(Sessions).of_user(user_id)
        factors = tx.get(SecondFactors).of_user(user_id)
        record(tx, who, "user.export", of("user", user_id))
    seen = {k.name for k in services.catalog.values() if k.name in who.kinds(services.catalog)}
    return Personal(
        user=_user(user, [g for g in user.grants if is_self or who.is_at_home(g.tenant_id)]),
        sessions=[
            {"address": s.address, "agent": s.agent, "since": rfc3339(s.created_us), "last": rfc3339(s.last_used_us)}
            for s in sessions
            if is_self or who.is_at_home(s.tenant_id)
        ],
        second_factors=[
            {"method": f.method.value, "name": f.name, "since": rfc3339(f.created_us)} for f in factors if is_self
        ],
        records={place: list(_shown(rows, services, seen)) for place, rows in named.items()},
        not_shown=sorted(k.name for k in services.catalog.values() if not k.internal and k.name not in seen),
    )


@router.post("/erase", responses=responses(409))
def erase_person(request: Request, user_id: IdInPath, who: Keeper, services: Use) -> Erased:
    """Forget a person: the account goes, a pseudonym takes the name's place in all records of the caller's town.

    Needs `privacy:admin`. API keys that he made end with it.
    Whose pseudonym it is can be found out no more. The audit log's chain stays whole.
    """
    with services.registry.write() as tx:
        user = users.must_be_mine(request, who, users.find(tx, who, user_id))
        if who.user_id == user_id:
            raise Forbidden("nobody erases himself: ask another who may")
        _must_be_unique(tx, user)
        pseudonym, counts = tx.get(Persons).erase(user.name, actor_of(user_id), who.tenants())
        tx.get(Users).remove(user_id)
        record(tx, who, ERASED, of("user", pseudonym), detail={"pseudonym": pseudonym, **counts})
        ended = end_keys(tx, who, user_id, services.now_us(), because="maker_erased", pseudonym=pseudonym)
    return Erased(pseudonym=pseudonym, records=dict(counts), keys_revoked=ended)


def _must_be_unique(tx: Transaction, user: User) -> None:
    """Commands are signed with names: with two of a name, one a key's perhaps, nobody knows whose they are."""
    if any(key.name == user.name for key in tx.get(ApiKeys).all()):
        raise Conflict(_SAME_NAME, field="name")
    cursor: str | None = None
    while True:
        page = tx.get(Users).find(None, 500, cursor)
        if any(other.name == user.name and other.user_id != user.user_id for other in page.items):
            raise Conflict(_SAME_NAME, field="name")
        if page.next_cursor is None:
            return
        cursor = page.next_cursor


def _user(user: User, grants: Iterable[Grant]) -> dict[str, Any]:
    held = [{"role": g.role, "tenant_id": g.tenant_id, "limits": sorted(g.limits)} for g in grants]
    return {
        "id": user.user_id,
        "name": user.name,
        "email": user.email,
        "language": user.language,
        "subject": user.subject,
        "created_at": rfc3339(user.created_us),
        "last_seen_at": None if user.last_seen_us is None else rfc3339(user.last_seen_us),
        "roles": held,
    }


def _shown(rows: Sequence[Mapping[str, Any]], services: Services, seen: set[str]) -> Iterable[dict[str, Any]]:
    """Rows of kinds that are the caller's, with times as people read them and without secrets."""
    for row in rows:
        kind = row.get("kind") or row.get("subject")
        if kind in services.catalog and kind not in seen:
            continue
        yield {_named(name): _value(name, value) for name, value in row.items() if name not in _HIDDEN}


def _named(column: str) -> str:
    return f"{column.removesuffix('_us')}_at" if column.endswith("_us") else column


def _value(column: str, value: Any) -> Any:  # noqa: ANN401 - a column's
    return rfc3339(value) if column.endswith("_us") and isinstance(value, int) else value
