"""Signing in and out; who am I and where am I at work."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Final, Literal, cast

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from api import passwords, sessions
from api.authentication import Presented, Who, authentication_state, resolve_session
from api.fields import ID, RequestBody
from api.problems import problem_responses, request_id
from api.refusal_audit import RefusalGroup, refusals_of
from api.services import Services, Use
from api.sessions import SignedIn
from application.access.actor import Actor
from application.access.api_keys import secret_digest
from application.audit.audit_trail import object_name, record_action
from application.ports.registry import RegistryTransaction
from application.ports.tenants import TenantRepository
from application.ports.users import BrowserSession, SessionRepository, User, UserRepository
from devices.errors import Forbidden, Invalid, NotFound, Unauthenticated

Language = Literal["de", "en"]
Secret = Annotated[str, Field(min_length=1, max_length=passwords.LONGEST)]
router = APIRouter(tags=["access"])


class LoginRequest(RequestBody):
    """Name and password, or the token of a link that works once."""

    name: Annotated[str, Field(pattern=ID)] | None = None
    password: Secret | None = None
    token: Annotated[str, Field(max_length=128)] | None = None


class TownChoice(BaseModel):
    """A town that the user may be at work in; `id` null: all."""

    id: str | None
    name: str


class CurrentUser(BaseModel):
    """Who makes this request, and what he may do in the town he is at work in."""

    name: str
    """As others read it."""
    actor: str
    """`user:…` or `key:…`."""
    tenant_id: str | None
    """Null: all towns."""
    tenants: list[TownChoice]
    roles: list[str]
    scopes: list[str]
    kinds: list[str]
    """Kinds of which he may read at least some devices."""
    limits: list[str]
    """What some of his roles are limited to, such as `group/fauthweg`."""
    language: Language | None
    must_set_password: bool
    second_step: Literal["prove", "enrol"] | None = None
    """What is still to be done (`/login/second-factor`) before anything else is; until then all else is empty."""


class MeChange(RequestBody):
    """What may change; absent stays."""

    tenant_id: Annotated[str, Field(pattern=ID)] | None = None
    """Null: all towns."""
    language: Language | None = None


class PasswordChange(RequestBody):
    """`current` may be absent where there is none yet."""

    current: Secret | None = None
    new: Secret


async def public_route() -> None:
    """Mark a route that anybody may call."""


PUBLIC: Final = Depends(public_route)


@router.post("/login", dependencies=[PUBLIC], responses=problem_responses(429))
def login(request: Request, response: Response, services: Use, body: LoginRequest) -> CurrentUser:
    """Sign in: sets the cookie `lautern_session`.

    Ten failures a minute, of an account or from an address, lock it until the minute is over.
    """
    sessions.must_be_ours(request)
    if body.token is None and (body.name is None or body.password is None):
        raise Invalid("name_and_password_or_token", field="name")
    now_us, known = services.now_us(), authentication_state(request)
    address = sessions.address_of(request)
    account = request.state.account = body.name or ""
    known.attempts.begin(account, address, services.steady_us())
    proved = None if body.token else _by_password(services, account, body.password or "")
    with services.registry.write() as tx:
        user = proved or _by_link(tx, body.token or "", now_us)
        secret, session = sessions.open_session(tx, request, user, services.lifetime, now_us)
        signed_in = resolve_session(tx, services, known, session, user)
        shown = my_account(tx, services, signed_in.who, user, known.roles)
        who = sessions.caller_of(tx, session, user, known.roles, known.restricted)
        who = replace(who, address=address, request_id=request_id(request))
        record_action(tx, who, "sign_in", object_name("user", user.user_id), detail=_how(body, signed_in))
    known.attempts.succeeded(account, address)
    sessions.give_cookie(request, response, secret, services.lifetime)
    return shown


@router.post("/logout", status_code=204)
def logout(request: Request, response: Response, who: Presented, services: Use) -> None:
    """Sign out: the session ends, its cookie works no more."""
    with services.registry.write() as tx:
        if who.session is not None:
            tx.get(SessionRepository).end([who.session])
        record_action(tx, who, "sign_out", who.actor.replace(":", "/", 1))
    sessions.take_cookie(request, response)


@router.get("/me")
def who_am_i(request: Request, who: Presented, services: Use) -> CurrentUser:
    """Show who I am and what I may do where I am at work."""
    with services.registry.read() as tx:
        return my_account(tx, services, who, _user(tx, who), authentication_state(request).roles)


@router.patch("/me")
def change_me(request: Request, who: Who, services: Use, body: MeChange) -> CurrentUser:
    """Go to work in another town, or choose a language; for users, not for keys."""
    known = authentication_state(request)
    with services.registry.write() as tx:
        user = _must_be_user(_user(tx, who))
        if "language" in body.model_fields_set:
            user = tx.get(UserRepository).change(replace(user, language=body.language))
        if "tenant_id" in body.model_fields_set:
            who = _moved(tx, request, who, user, body.tenant_id)
        record_action(
            tx, who, "me.change", object_name("user", user.user_id), detail=body.model_dump(exclude_unset=True)
        )
        return my_account(tx, services, who, user, known.roles)


@router.post("/me/password", status_code=204)
def change_password(request: Request, who: Who, services: Use, body: PasswordChange) -> None:
    """Change my password: at least 12 characters; all my other sessions end."""
    with services.registry.read() as tx:
        user = _must_be_user(_user(tx, who))
    if user.password_hash is not None:
        known = authentication_state(request)
        known.attempts.begin(user.user_id, who.address, services.steady_us())
        if not passwords.password_matches(body.current or "", user.password_hash):
            wrong = RefusalGroup(
                "me.password", object_name("user", user.user_id), "wrong", who.address, who.actor, who.name
            )
            refusals_of(request).note(replace(wrong, tenant_id=who.tenant_id), who.request_id)
            raise Invalid("not_your_password", field="current")
        known.attempts.succeeded(user.user_id, who.address)
    stored = passwords.hash_password(body.new, user.user_id)
    with services.registry.write() as tx:
        users = tx.get(UserRepository)
        users.change(replace(users.get(user.user_id), password_hash=stored))
        tx.get(SessionRepository).end_of_user(user.user_id, but=who.session)
        record_action(tx, who, "me.password", object_name("user", user.user_id))


def _by_password(services: Services, user_id: str, password: str) -> User:
    user: User | None = None
    with services.registry.read() as tx:
        try:
            user = tx.get(UserRepository).get(user_id)
        except NotFound:
            user = None
    # Whoever asks learns neither from the answer nor from its time whether there is such a user.
    right = passwords.password_matches(password, user.password_hash if user else None)
    if user is None or not right or user.disabled_us is not None:
        raise Unauthenticated("login_refused")
    return user


def _by_link(tx: RegistryTransaction, token: str, now_us: int) -> User:
    link = tx.get(SessionRepository).take_link(secret_digest(token), now_us)
    if link is None:
        raise Unauthenticated("link_is_over")
    user = tx.get(UserRepository).get(link.user_id)
    if user.disabled_us is not None:
        raise Unauthenticated("link_is_over")
    if link.sets_password and user.password_hash is not None:
        # Whoever was sent a new link has lost the old password, or somebody else has it.
        user = tx.get(UserRepository).change(replace(user, password_hash=None))
        tx.get(SessionRepository).end_of_user(user.user_id)
    return user


def _moved(tx: RegistryTransaction, request: Request, who: Actor, user: User, tenant_id: str | None) -> Actor:
    known = authentication_state(request)
    held = {grant.tenant_id for grant in user.grants}
    if tenant_id not in held and None not in held:
        raise NotFound(tenant_id or "all towns")
    if tenant_id is not None:
        tx.get(TenantRepository).get(tenant_id)
    if who.session is None:
        raise Forbidden("only_a_session_moves")
    sessions_ = tx.get(SessionRepository)
    sessions_.move(who.session, tenant_id)
    moved = sessions.caller_of(tx, _session(sessions_, who.session), user, known.roles, known.restricted)
    return replace(moved, address=who.address, request_id=who.request_id)


def _session(stored: SessionRepository, secret_sha256: bytes) -> BrowserSession:
    session = stored.get(secret_sha256)
    if session is None:
        raise Unauthenticated
    return session


def _user(tx: RegistryTransaction, who: Actor) -> User | None:
    return None if who.user_id is None else tx.get(UserRepository).get(who.user_id)


def _must_be_user(user: User | None) -> User:
    if user is None:
        raise Forbidden("key_has_no_account")
    return user


def _how(body: LoginRequest, signed_in: SignedIn) -> dict[str, str]:
    """What the audit log says of a sign-in; the second step stands there by itself."""
    by = {"by": "one-time link" if body.token else "password"}
    return by if signed_in.step is None else {**by, "second_step": signed_in.step.value}


def my_account(
    tx: RegistryTransaction, services: Services, who: Actor, user: User | None, roles: Mapping[str, frozenset[str]]
) -> CurrentUser:
    """What somebody is shown of himself."""
    if who.owes is not None:
        return _owing(who, user)
    held = [] if user is None else [g for g in user.grants if g.tenant_id in {None, who.tenant_id}]
    scopes = who.scopes.union(*(w.scopes for w in who.within))
    return CurrentUser(
        name=who.name,
        actor=who.actor,
        tenant_id=who.tenant_id or None,
        tenants=_towns(tx, who, user),
        roles=sorted({g.role for g in held if g.role in roles}),
        scopes=sorted(scopes),
        kinds=sorted(who.some_kinds(services.catalog)),
        limits=sorted(frozenset().union(*(w.limits for w in who.within))),
        language=None if user is None else cast("Language | None", user.language),
        must_set_password=user is not None and user.password_hash is None and user.subject is None,
    )


def _owing(who: Actor, user: User | None) -> CurrentUser:
    empty: list[str] = []
    return CurrentUser(
        name=who.name,
        actor=who.actor,
        tenant_id=None,
        tenants=[],
        roles=empty,
        scopes=empty,
        kinds=empty,
        limits=empty,
        language=None if user is None else cast("Language | None", user.language),
        must_set_password=user is not None and user.password_hash is None and user.subject is None,
        second_step=cast('Literal["prove", "enrol"]', who.owes),
    )


def _towns(tx: RegistryTransaction, who: Actor, user: User | None) -> list[TownChoice]:
    held = {who.tenant_id} if user is None else {g.tenant_id for g in user.grants}
    found = [
        TownChoice(id=t.tenant_id, name=t.name)
        for t in tx.get(TenantRepository).all()
        if None in held or t.tenant_id in held
    ]
    return [TownChoice(id=None, name="*"), *found] if None in held else found
