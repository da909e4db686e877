"""What is known of a person: for himself to take with him, and to be forgotten (GDPR, Articles 15, 17 and 20)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, JsonValue

from api.authentication import Who, requires_scope
from api.fields import IdInPath
from api.problems import problem_responses
from api.query_admission import Ask
from api.revoke_owner_keys import end_keys
from api.routes import users
from api.services import Services, Use
from application.access.actor import Actor, actor_of
from application.access.roles import RoleGrant
from application.audit.audit_trail import object_name, record_action
from application.audit.entry import ERASED
from application.ports.api_keys import ApiKeys
from application.ports.registry import RegistryTransaction
from application.ports.retention import PersonIndex
from application.ports.second_factors import SecondFactors
from application.ports.users import SessionRepository, User, UserRepository
from devices.errors import Conflict, Forbidden
from devices.time_us import rfc3339

SCOPE: Final = "privacy:admin"
MOST: Final = 10_000
_HIDDEN: Final = frozenset({"secret_sha256", "proof", "person", "content", "previous", "mac"})
Keeper = Annotated[Actor, requires_scope(SCOPE)]
router = APIRouter(prefix="/users/{user_id}", tags=["privacy"])


class PersonalData(BaseModel):
    """All that names a person, as far as the caller may see its kind; the newest 10,000 records of each place."""

    user: dict[str, JsonValue]
    sessions: list[dict[str, JsonValue]]
    second_factors: list[dict[str, JsonValue]]
    """For himself alone."""
    records: dict[str, list[dict[str, JsonValue]]]
    """By place: commands, alarms, notes, audit and others."""
    not_shown: list[str]
    """Kinds that the caller may not see: whoever may see them can ask for the rest."""


class ErasureResult(BaseModel):
    """The pseudonym that stands where the person was named, and in how many records of each place."""

    pseudonym: str
    records: dict[str, int]
    keys_revoked: list[str]
    """Names of the API keys that the person had made, which ended with that."""


@router.get("/export")
async def export_person(user_id: IdInPath, who: Who, services: Use, question: Ask) -> PersonalData:
    """Give out all that names a person: to himself, or to who holds `privacy:admin`."""
    return await question.answer(lambda _: _personal(user_id, who, services), rows=0)


def _personal(user_id: str, who: Actor, services: Services) -> PersonalData:
    with services.registry.write() as tx:
        is_self = who.user_id == user_id
        if is_self:
            user = tx.get(UserRepository).get(user_id)
        else:
            who.require(SCOPE)
            user = users.find_user(tx, who, user_id)
        named = tx.get(PersonIndex).named(user.name, actor_of(user_id), MOST, who.tenants())
        sessions = tx.get(SessionRepository).of_user(user_id)
        factors = tx.get(SecondFactors).of_user(user_id)
        record_action(tx, who, "user.export", object_name("user", user_id))
    seen = {k.name for k in services.catalog.values() if k.name in who.kinds(services.catalog)}
    return PersonalData(
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


@router.post("/erase", responses=problem_responses(409))
def erase_person(request: Request, user_id: IdInPath, who: Keeper, services: Use) -> ErasureResult:
    """Forget a person: the account goes, a pseudonym takes the name's place in all records of the caller's town.

    Needs `privacy:admin`. API keys that he made end with it.
    Whose pseudonym it is can be found out no more. The audit log's chain stays whole.
    """
    with services.registry.write() as tx:
        user = users.must_be_mine(request, who, users.find_user(tx, who, user_id))
        if who.user_id == user_id:
            raise Forbidden("nobody_erases_himself")
        _must_be_unique(tx, user)
        pseudonym, counts = tx.get(PersonIndex).erase(user.name, actor_of(user_id), who.tenants())
        tx.get(UserRepository).remove(user_id)
        record_action(tx, who, ERASED, object_name("user", pseudonym), detail={"pseudonym": pseudonym, **counts})
        ended = end_keys(tx, who, user_id, services.now_us(), because="maker_erased", pseudonym=pseudonym)
    return ErasureResult(pseudonym=pseudonym, records=dict(counts), keys_revoked=ended)


def _must_be_unique(tx: RegistryTransaction, user: User) -> None:
    """Commands are signed with names: with two of a name, one a key's perhaps, nobody knows whose they are."""
    if any(key.name == user.name for key in tx.get(ApiKeys).all()):
        raise Conflict("name_is_shared", field="name")
    cursor: str | None = None
    while True:
        page = tx.get(UserRepository).find(None, 500, cursor)
        if any(other.name == user.name and other.user_id != user.user_id for other in page.items):
            raise Conflict("name_is_shared", field="name")
        if page.next_cursor is None:
            return
        cursor = page.next_cursor


def _user(user: User, grants: Iterable[RoleGrant]) -> dict[str, Any]:
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
