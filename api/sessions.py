"""Sessions of browsers: a cookie that proves who signed in, for one town at a time."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request, Response

from application.access.actor import Actor, ScopeLimits, actor_of
from application.access.api_keys import let_in, secret_digest
from application.access.roles import RoleGrant, scope_covers, whole_scopes
from application.access.second_factor import SignInStep
from application.ports.inventory import AssetGroup, GroupRepository
from application.ports.registry import RegistryTransaction
from application.ports.users import BrowserSession, SessionRepository, User
from devices.errors import Forbidden, NotFound, Unauthenticated
from devices.time_us import DAY_US, HOUR_US

COOKIE: Final = "lautern_session"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
NOWHERE: Final = ""
"""No town's id."""
_GROUP: Final = "group/"


@dataclass(frozen=True, slots=True)
class SessionLifetime:
    """How long a session lasts: without use, and in all."""

    idle_us: int = 12 * HOUR_US
    absolute_us: int = 7 * 24 * HOUR_US

    def covers(self, session: BrowserSession, now_us: int) -> bool:
        """Tell whether a session has not ended by its time.

        A clock that jumps moves the end by as much at most; what begins more than a day ahead was made by a wrong one.
        """
        made_ahead = session.created_us > now_us + DAY_US
        return not made_ahead and now_us < session.expires_us and now_us - session.last_used_us < self.idle_us


def open_session(  # noqa: PLR0917
    tx: RegistryTransaction,
    request: Request,
    user: User,
    lifetime: SessionLifetime,
    now_us: int,
    proved_by: str | None = None,
) -> tuple[str, BrowserSession]:
    """Sign a user in; returns the secret for his cookie, and the session. `proved_by`: what proved it besides."""
    secret = secrets.token_urlsafe(32)
    session = BrowserSession(
        secret_sha256=secret_digest(secret),
        user_id=user.user_id,
        tenant_id=user.grants[0].tenant_id if user.grants else None,
        created_us=now_us,
        expires_us=now_us + lifetime.absolute_us,
        last_used_us=now_us,
        address=address_of(request),
        agent=request.headers.get("user-agent", "")[:200],
        proved_by=proved_by,
        proved_us=None if proved_by is None else now_us,
    )
    sessions = tx.get(SessionRepository)
    sessions.trim(now_us - lifetime.idle_us, now_us)
    sessions.add(session)
    return secret, session


def give_cookie(request: Request, response: Response, secret: str, lifetime: SessionLifetime) -> None:
    """Let the browser keep the secret; only a browser on this machine may do so without TLS."""
    response.set_cookie(
        COOKIE,
        secret,
        max_age=lifetime.absolute_us // 1_000_000,
        httponly=True,
        samesite="lax",
        secure=needs_tls(request),
    )


def take_cookie(request: Request, response: Response) -> None:
    """Let the browser forget."""
    response.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=needs_tls(request))


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A browser's session, whose it is, and what it still owes; `who` may do nothing until that is done."""

    session: BrowserSession
    user: User
    step: SignInStep | None
    who: Actor


def prove_second_factor(
    tx: RegistryTransaction, session: BrowserSession, by: str, now_us: int
) -> tuple[str, BrowserSession]:
    """Note that a second factor was shown; returns the new secret for the cookie, and the session as it is then."""
    secret = secrets.token_urlsafe(32)
    tx.get(SessionRepository).prove(session.secret_sha256, secret_digest(secret), by, now_us)
    return secret, replace(session, secret_sha256=secret_digest(secret), proved_by=by, proved_us=now_us, challenge=None)


def signed_in(
    tx: RegistryTransaction, secret: str, lifetime: SessionLifetime, now_us: int
) -> tuple[BrowserSession, User]:
    """Return session and user that a cookie stands for. Raises Unauthenticated."""
    session = tx.get(SessionRepository).get(secret_digest(secret)) if len(secret) <= 128 else None
    if session is None or not lifetime.covers(session, now_us):
        raise Unauthenticated
    return session, let_in(tx, session.user_id)


def caller_of(
    tx: RegistryTransaction,
    session: BrowserSession,
    user: User,
    roles: Mapping[str, frozenset[str]],
    restricted: frozenset[str],
) -> Actor:
    """Return what a user may do in the town of his session."""
    held = [g for g in user.grants if g.tenant_id in {None, session.tenant_id}]
    return Actor(
        name=user.name,
        # Who holds no role there is at work in no town; None would mean all.
        tenant_id=session.tenant_id if held else NOWHERE,
        scopes=whole_scopes(held, session.tenant_id, roles),
        restricted_kinds=restricted,
        within=tuple(_within(tx, g, roles.get(g.role, frozenset()), restricted) for g in held if g.limits),
        actor=actor_of(user.user_id),
        session=session.secret_sha256,
    )


def must_be_ours(request: Request) -> None:
    """Raise Forbidden for an unsafe request that another site had the browser make."""
    if request.method in SAFE:
        return
    origin = request.headers.get("origin")
    if origin is not None:
        ours = urlsplit(origin).netloc == request.headers.get("host", "")
    else:
        ours = request.headers.get("sec-fetch-site") == "same-origin"
    if not ours:
        raise Forbidden("other_site")


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""


def _within(
    tx: RegistryTransaction, grant: RoleGrant, scopes: frozenset[str], restricted: frozenset[str]
) -> ScopeLimits:
    """What a role opens for some things; nothing of a group of a kind that it does not read."""
    groups = list(_groups(tx, grant))
    mine = [group for group in groups if scope_covers(scopes, f"{group.kind}:read", restricted)]
    strange = {f"{_GROUP}{group.group_id}" for group in groups if group not in mine}
    return ScopeLimits(scopes, grant.limits - strange, frozenset(i for group in mine for i in group.members))


def _groups(tx: RegistryTransaction, grant: RoleGrant) -> Iterable[AssetGroup]:
    for limit in grant.limits:
        if not limit.startswith(_GROUP):
            continue
        try:
            group = tx.get(GroupRepository).get(limit.removeprefix(_GROUP))
        except NotFound:
            continue
        if grant.tenant_id in {None, group.tenant_id}:
            yield group


def base_url(request: Request) -> str:
    """Our own address as the browser knows it, without a slash at its end."""
    return str(request.base_url).rstrip("/")


def needs_tls(request: Request) -> bool:
    """Tell whether a cookie may only travel encrypted; a browser on this machine may do without."""
    return request.url.scheme == "https" or request.url.hostname not in LOOPBACK
