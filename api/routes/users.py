"""Users: who may sign in, with which roles; a new one gets a link to choose a password."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from api import sessions
from api.authentication import authentication_state, requires_scope
from api.fields import ID, IdInPath, Name, RequestBody
from api.paging import ItemPage, PageWanted
from api.preconditions import Expected, etag
from api.problems import problem_responses
from api.revoke_owner_keys import end_keys
from api.routes.login import Language
from api.services import Use
from api.time_parameters import TimeOut
from application.access import authorization, sign_in_links
from application.access.actor import Actor
from application.access.roles import RoleGrant
from application.audit.audit_trail import object_name, record_action
from application.ports.registry import RegistryTransaction
from application.ports.second_factors import SecondFactors
from application.ports.users import SessionRepository, User, UserRepository
from application.versions import check_version
from devices.errors import Forbidden, Invalid, NotFound

Keeper = Annotated[Actor, requires_scope("users:admin")]
Limit = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,31}/[A-Za-z0-9_-]{1,64}$")]
Email = Annotated[str, Field(pattern=r"^[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,190}$")]
router = APIRouter(tags=["access"])


class RoleHeld(RequestBody):
    """A role in a town, or with `tenant_id` null in all; within `limits` such as `group/fauthweg`, or everywhere."""

    role: Annotated[str, Field(pattern=ID)]
    tenant_id: Annotated[str, Field(pattern=ID)] | None = None
    limits: Annotated[list[Limit], Field(max_length=64, default_factory=list)]


class UserShown(BaseModel):
    """A user; of his roles those in the caller's town."""

    id: str
    name: str
    email: str | None
    language: str | None
    roles: list[RoleHeld]
    created_at: TimeOut
    last_seen_at: TimeOut | None
    disabled_at: TimeOut | None
    has_password: bool
    has_second_factor: bool = False
    subject: str | None
    version: int


class UserChanged(UserShown):
    """A user as he is now; of one who was shut out the keys that he had made, which ended with that."""

    keys_revoked: list[str]


class UserRemoved(BaseModel):
    """Names of the keys that the user had made, which ended with his removal."""

    keys_revoked: list[str]


class UserWanted(RequestBody):
    """A user to let in."""

    id: Annotated[str, Field(pattern=ID)]
    """Sign-in name; never changes."""
    name: Name
    email: Email | None = None
    language: Language | None = None
    roles: Annotated[list[RoleHeld], Field(min_length=1, max_length=64)]
    subject: Annotated[str, Field(max_length=512)] | None = None
    """`issuer subject` at an OpenID provider, for those who sign in there."""


class UserChange(RequestBody):
    """What may change; absent stays. `roles` replaces those in the caller's town."""

    name: Name = ""
    email: Email | None = None
    language: Language | None = None
    roles: Annotated[list[RoleHeld], Field(max_length=64, default_factory=list)]
    disabled: bool = False
    subject: Annotated[str, Field(max_length=512)] | None = None


class Invitation(BaseModel):
    """A link that works once; shown this once."""

    link: str
    expires_at: TimeOut


class InvitedUser(UserShown):
    """A user just made, with the link to send him."""

    invitation: Invitation


class RoleShown(BaseModel):
    """A role there is, and what it may do."""

    role: str
    scopes: list[str]
    yours_to_give: bool


@router.get("/roles")
def list_roles(request: Request, who: Keeper) -> ItemPage[RoleShown]:
    """List roles; needs `users:admin`."""
    found = sorted(authentication_state(request).roles.items())
    return ItemPage[RoleShown](
        items=[RoleShown(role=r, scopes=sorted(s), yours_to_give=all(map(who.may, s))) for r, s in found]
    )


@router.get("/users")
def list_users(who: Keeper, services: Use, page: PageWanted) -> ItemPage[UserShown]:
    """List the users with a role in the town, in order of id; needs `users:admin`."""
    with services.registry.read() as tx:
        found = tx.get(UserRepository).find(who.tenant_id, page.limit, page.cursor)
        holders = tx.get(SecondFactors).holders([u.user_id for u in found.items])
    items = [_show(who, u, proved=u.user_id in holders) for u in found.items]
    return ItemPage[UserShown](items=items, next_cursor=found.next_cursor)


@router.post("/users", status_code=201, responses=problem_responses(409))
def create_user(request: Request, who: Keeper, services: Use, body: UserWanted, response: Response) -> InvitedUser:
    """Let somebody in, and get the link to send him; needs `users:admin` and all scopes of the roles."""
    now_us = services.now_us()
    with services.registry.write() as tx:
        user = User(
            user_id=body.id,
            name=body.name,
            created_us=now_us,
            grants=_grants(tx, request, who, body.roles),
            email=body.email,
            language=body.language,
            subject=body.subject,
        )
        tx.get(UserRepository).add(user)
        invitation = _invite(tx, request, user, now_us)
        user = tx.get(UserRepository).get(user.user_id)
        record_action(tx, who, "user.create", object_name("user", user.user_id), detail=_granted(user))
    _head(response, user)
    return InvitedUser(**dict(_show(who, user)), invitation=invitation)


@router.get("/users/{user_id}")
def get_user(user_id: IdInPath, who: Keeper, services: Use, response: Response) -> UserShown:
    """Show one user; the ETag is what PATCH wants as If-Match. Needs `users:admin`."""
    with services.registry.read() as tx:
        user = find_user(tx, who, user_id)
        proved = bool(tx.get(SecondFactors).holders([user_id]))
    _head(response, user)
    return _show(who, user, proved=proved)


@router.patch("/users/{user_id}", responses=problem_responses(409, 412, 428))
def change_user(  # noqa: PLR0917
    request: Request,
    user_id: IdInPath,
    who: Keeper,
    services: Use,
    seen: Expected,
    body: UserChange,
    response: Response,
) -> UserChanged:
    """Change what is known of a user or his roles, or shut him out; needs `users:admin` and all scopes of his roles.

    Keys that he made may do no more than he may; who is shut out loses them for good.
    """
    with services.registry.write() as tx:
        user = _must_keep(request, who, find_user(tx, who, user_id))
        check_version(seen, user.version)
        given = {n: getattr(body, n) for n in body.model_fields_set & {"name", "email", "language", "subject"}}
        if given.get("name") == "":
            raise Invalid("empty", field="name")
        if "disabled" in body.model_fields_set:
            given["disabled_us"] = (user.disabled_us or services.now_us()) if body.disabled else None
        if given:
            _must_be_all_mine(who, user)
        if "roles" in body.model_fields_set:
            foreign = tuple(g for g in user.grants if not _mine(who, g))
            given["grants"] = foreign + _grants(tx, request, who, body.roles)
        changed = tx.get(UserRepository).change(replace(user, **given))
        if changed.disabled_us is not None or changed.grants != user.grants:
            tx.get(SessionRepository).end_of_user(user_id)
        fields, ended = sorted(body.model_fields_set), []
        record_action(
            tx, who, "user.change", object_name("user", user_id), detail={"fields": fields, **_granted(changed)}
        )
        if changed.disabled_us is not None:
            ended = end_keys(tx, who, user_id, services.now_us(), because="maker_disabled")
        proved = bool(tx.get(SecondFactors).holders([user_id]))
    _head(response, changed)
    return UserChanged(**dict(_show(who, changed, proved=proved)), keys_revoked=ended)


@router.delete("/users/{user_id}", status_code=204, responses={200: {"model": UserRemoved}})
def remove_user(request: Request, user_id: IdInPath, who: Keeper, services: Use) -> Response:
    """Take a user out of the town, and forget him when no other has him; needs `users:admin`.

    Keys that he made there end with it: then the answer is 200 and names them.
    """
    with services.registry.write() as tx:
        user = _must_keep(request, who, find_user(tx, who, user_id))
        left = tuple(g for g in user.grants if not _mine(who, g))
        if left:
            tx.get(UserRepository).change(replace(user, grants=left))
            tx.get(SessionRepository).end_of_user(user_id)
        else:
            tx.get(UserRepository).remove(user_id)
        record_action(tx, who, "user.remove", object_name("user", user_id))
        town = who.tenant_id if left else None
        ended = end_keys(tx, who, user_id, services.now_us(), because="maker_removed", tenant_id=town)
    if not ended:
        return Response(status_code=204)
    return JSONResponse(UserRemoved(keys_revoked=ended).model_dump())


@router.post("/users/{user_id}/invitation", status_code=201)
def invite_user(request: Request, user_id: IdInPath, who: Keeper, services: Use) -> Invitation:
    """Make a new link; used, it ends the user's sessions and old password. Needs `users:admin`."""
    with services.registry.write() as tx:
        user = _must_keep(request, who, find_user(tx, who, user_id))
        _must_be_all_mine(who, user)
        invitation = _invite(tx, request, user, services.now_us())
        record_action(tx, who, "user.invite", object_name("user", user_id))
        return invitation


@router.delete("/users/{user_id}/second-factors", status_code=204)
def reset_second_factors(request: Request, user_id: IdInPath, who: Keeper, services: Use) -> None:
    """Forget apps, passkeys and recovery codes of a user who lost them: he enrols anew when he signs in.

    Needs `users:admin` and all scopes of his roles; nobody does so for himself. His sessions end.
    """
    with services.registry.write() as tx:
        user = must_be_mine(request, who, find_user(tx, who, user_id))
        if who.user_id == user_id:
            raise Forbidden("nobody_resets_his_own")
        count = tx.get(SecondFactors).remove_all(user.user_id)
        tx.get(SessionRepository).end_of_user(user_id)
        record_action(tx, who, "second_factor.reset", object_name("user", user_id), detail={"removed": count})


def _granted(user: User) -> dict[str, Any]:
    """What the audit log says of a user: what he may do, not how he is reached."""
    held = [{"role": g.role, "tenant_id": g.tenant_id, "limits": sorted(g.limits)} for g in user.grants]
    return {"roles": held, "disabled": user.disabled_us is not None}


def _invite(tx: RegistryTransaction, request: Request, user: User, now_us: int) -> Invitation:
    token = sign_in_links.new_link(tx, user.user_id, now_us)
    link = f"{sessions.base_url(request)}/sign-in#token={token}"
    return Invitation(link=link, expires_at=now_us + sign_in_links.LINK_US)


def _grants(tx: RegistryTransaction, request: Request, who: Actor, wanted: list[RoleHeld]) -> tuple[RoleGrant, ...]:
    known = authentication_state(request).roles
    found = []
    for held in wanted:
        tenant_id = _town(tx, who, held.tenant_id)
        if held.role not in known:
            raise Invalid("not_one_of", allowed=sorted(known), field="roles.role")
        if not all(map(who.may, known[held.role])):
            raise Forbidden("role_not_yours_to_give", role=held.role, field="roles.role")
        for limit in held.limits:
            _check_limit(tx, who, limit)
        found.append(RoleGrant(held.role, tenant_id, frozenset(held.limits)))
    return tuple(found)


def _town(tx: RegistryTransaction, who: Actor, wanted: str | None) -> str | None:
    return (
        None
        if who.tenant_id is None and wanted is None
        else authorization.tenant_of_new(tx, who, wanted, "roles.tenant_id")
    )


def _check_limit(tx: RegistryTransaction, who: Actor, limit: str) -> None:
    subject, _, name = limit.partition("/")
    if subject != "group":
        return
    try:
        authorization.own_group(tx, who, name)
    except NotFound:
        raise Invalid("no_such_group", name=name, field="roles.limits") from None


def find_user(tx: RegistryTransaction, who: Actor, user_id: str) -> User:
    """Return a user with a role in the caller's town. Raises NotFound."""
    user = tx.get(UserRepository).get(user_id)
    if not any(_mine(who, grant) for grant in user.grants) and who.tenant_id is not None:
        raise NotFound(user_id)
    return user


def _mine(who: Actor, grant: RoleGrant) -> bool:
    return who.tenant_id is None or grant.tenant_id == who.tenant_id


def _must_keep(request: Request, who: Actor, user: User) -> User:
    """Only who could give somebody's roles may change him: else an admin would be the brigade's."""
    known = authentication_state(request).roles
    held = {scope for grant in user.grants if _mine(who, grant) for scope in known.get(grant.role, ())}
    if not all(map(who.may, held)):
        raise Forbidden("has_roles_not_yours")
    return user


def must_be_mine(request: Request, who: Actor, user: User) -> User:
    """Return a user whom the caller may change, and who works for no town but his. Raises Forbidden."""
    _must_be_all_mine(who, _must_keep(request, who, user))
    return user


def _must_be_all_mine(who: Actor, user: User) -> None:
    if not all(_mine(who, grant) for grant in user.grants):
        raise Forbidden("has_roles_not_yours")


def _head(response: Response, user: User) -> None:
    response.headers["Location"] = f"/api/v1/users/{user.user_id}"
    response.headers["ETag"] = etag(user.version)


def _show(who: Actor, user: User, *, proved: bool = False) -> UserShown:
    roles: list[Any] = [
        RoleHeld(role=g.role, tenant_id=g.tenant_id, limits=sorted(g.limits)) for g in user.grants if _mine(who, g)
    ]
    return UserShown(
        id=user.user_id,
        name=user.name,
        email=user.email,
        language=user.language,
        roles=roles,
        created_at=user.created_us,
        last_seen_at=user.last_seen_us,
        disabled_at=user.disabled_us,
        has_password=user.password_hash is not None,
        has_second_factor=proved,
        subject=user.subject,
        version=user.version,
    )
