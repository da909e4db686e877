"""Who calls: a browser's session, or an API key as `Authorization: Bearer <prefix>.<secret>` or `X-API-Key: …`."""

import hmac
import threading
import time
from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, Generic, TypeVar, cast

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from api import sessions
from api.login_throttle import LoginThrottle
from api.problems import TooManyRequests
from api.rate_limiter import RateLimiter
from api.second_factor import HALF_US, SecondFactorNeeded, step_of
from api.services import Services, Use
from api.sessions import SignedIn
from application.access.actor import Actor, scope_of_kind
from application.access.api_keys import key_actor, secret_digest
from application.access.roles import role_scopes
from application.ports.api_keys import ApiKey, ApiKeys
from application.ports.registry import RegistryTransaction
from application.ports.users import BrowserSession, User
from devices.errors import Forbidden, Unauthenticated
from devices.time_us import MINUTE_US

_BEARER = HTTPBearer(auto_error=False, scheme_name="Bearer", description="`<prefix>.<secret>`")
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="ApiKey")
_COOKIE = APIKeyCookie(name=sessions.COOKIE, auto_error=False, scheme_name="Session")
_LONGEST: Final = 256
_NOBODY: Final = secret_digest("")
Id = TypeVar("Id", bound=Hashable)


class UsageBuffer(Generic[Id]):
    """Uses of keys or sessions not yet recorded: requests note, a task drains, and none waits for a write."""

    def __init__(self) -> None:
        self._noted: dict[Id, int] = {}
        self._lock = threading.Lock()

    def note(self, used: Id, last_used_us: int | None, now_us: int) -> None:
        """Remember a use when the last recorded one is a minute old; a clock set back takes none of them back."""
        if last_used_us is None or now_us - last_used_us >= MINUTE_US:
            with self._lock:
                self._noted[used] = now_us

    def drain(self) -> Mapping[Id, int]:
        """Return uses to record, as last use in µs by id, and forget them."""
        with self._lock:
            noted, self._noted = self._noted, {}
        return noted


class AuthenticationState:
    """What the application remembers of those who come in; one for each process."""

    def __init__(self, services: Services) -> None:
        self.attempts = LoginThrottle()
        self.key_attempts = LoginThrottle()
        limits = services.limits
        self.requests = RateLimiter(per_s=limits.requests_per_s, burst=limits.requests_per_s * limits.burst_s)
        self.key_uses: UsageBuffer[str] = UsageBuffer()
        self.session_uses: UsageBuffer[bytes] = UsageBuffer()
        self.roles = role_scopes(services.catalog)
        self.restricted = frozenset(k.name for k in services.catalog.values() if k.restricted)


def authentication_state(request: Request) -> AuthenticationState:
    """What the application remembers of those who come in."""
    return cast("AuthenticationState", request.app.state.doors)


def verify_api_key(keys: ApiKeys, presented: str, now_us: int) -> ApiKey:
    """Return the key that `presented` proves to be held. Raises Unauthenticated, never saying which part was wrong."""
    prefix, dot, secret = presented.partition(".")
    key = keys.by_prefix(prefix) if dot and len(presented) <= _LONGEST and presented.isascii() else None
    same = hmac.compare_digest(secret_digest(secret), key.secret_sha256 if key else _NOBODY)
    if key is None or not same or key.revoked_us is not None:
        raise Unauthenticated
    if key.expires_us is not None and now_us >= key.expires_us:
        raise Unauthenticated
    return key


def presented_identity(
    request: Request,
    services: Use,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    header: Annotated[str | None, Security(_HEADER)],
    cookie: Annotated[str | None, Security(_COOKIE)],
) -> Actor:
    """Return who makes the request, also one whose session still owes its second step.

    Raises Unauthenticated; Forbidden for one that another site had a browser make.
    """
    presented = bearer.credentials if bearer else header
    if presented:
        request.state.presented = presented
        found = _by_key(request, services, presented)
    elif cookie:
        request.state.presented = cookie
        sessions.must_be_ours(request)
        found = _by_session(request, services, cookie)
    else:
        raise Unauthenticated
    request_id = str(getattr(request.state, "request_id", ""))
    who = replace(found, address=sessions.address_of(request), request_id=request_id)
    if who.owes is None:
        request.state.who = who
    _take_turn(request, who)
    return who


Presented = Annotated[Actor, Depends(presented_identity)]
"""Who makes the request; with `owes` he may do nothing yet."""


def signed_in_caller(found: Presented) -> Actor:
    """Return who makes the request, signed in wholly. Raises Unauthenticated, Forbidden."""
    if found.owes is not None:
        raise SecondFactorNeeded
    return found


def half_way(request: Request, services: Use, cookie: Annotated[str | None, Security(_COOKIE)]) -> SignedIn:
    """Return a browser's session, whether it owes its second step or not. Raises Unauthenticated, Forbidden."""
    if not cookie:
        raise Unauthenticated("keys_have_no_factors")
    sessions.must_be_ours(request)
    with services.registry.read() as tx:
        found = _signed_in(tx, services, authentication_state(request), cookie)
    address, request_id = sessions.address_of(request), str(getattr(request.state, "request_id", ""))
    who = replace(found.who, address=address, request_id=request_id)
    _take_turn(request, who)
    return replace(found, who=who)


def _take_turn(request: Request, who: Actor) -> None:
    """Count a request of somebody's. Raises TooManyRequests."""
    wait_s = authentication_state(request).requests.take_permit(f"{who.tenant_id} {who.actor}", time.monotonic())
    if wait_s:
        raise TooManyRequests("from_your_account", retry_after_s=wait_s)


HalfWay = Annotated[SignedIn, Depends(half_way)]
"""Annotate a parameter of a route with this that is part of the second step."""


def _signed_in(tx: RegistryTransaction, services: Services, known: AuthenticationState, cookie: str) -> SignedIn:
    return resolve_session(tx, services, known, *sessions.signed_in(tx, cookie, services.lifetime, services.now_us()))


def resolve_session(
    tx: RegistryTransaction, services: Services, known: AuthenticationState, session: BrowserSession, user: User
) -> SignedIn:
    """Who a session stands for, and what it owes. Raises Unauthenticated when it owes that for too long."""
    now_us = services.now_us()
    step = step_of(tx, session, user, services.second_factor, known.roles)
    if step is not None and now_us - session.created_us >= HALF_US:
        raise Unauthenticated("second_step_too_late")
    who = sessions.caller_of(tx, session, user, known.roles, known.restricted)
    if step is not None:
        who = Actor(who.name, sessions.NOWHERE, frozenset(), known.restricted, actor=who.actor, owes=step.value)
    return SignedIn(session, user, step, who)


def _by_key(request: Request, services: Services, presented: str) -> Actor:
    now_us = services.now_us()
    known = authentication_state(request)
    try:
        with services.registry.read() as tx:
            key = verify_api_key(tx.get(ApiKeys), presented, now_us)
            found = key_actor(tx, key, known.roles, known.restricted)
    except Unauthenticated:
        # A right key gets in all the same: its 256 bits are not guessed, and others may share the address.
        known.key_attempts.begin("", sessions.address_of(request), services.steady_us())
        raise
    known.key_uses.note(key.key_id, key.last_used_us, now_us)
    return found


def _by_session(request: Request, services: Services, cookie: str) -> Actor:
    known = authentication_state(request)
    with services.registry.read() as tx:
        found = _signed_in(tx, services, known, cookie)
    known.session_uses.note(found.session.secret_sha256, found.session.last_used_us, services.now_us())
    return found.who


def may_still_follow(request: Request, services: Services) -> bool:
    """Tell whether who made this request would still come in, and may what he then might. Blocks."""
    who: Actor = request.state.who
    known, now_us = authentication_state(request), services.now_us()
    try:
        with services.registry.read() as tx:
            if who.session is None:
                key = verify_api_key(tx.get(ApiKeys), request.state.presented, now_us)
                now = key_actor(tx, key, known.roles, known.restricted)
            else:
                now = _signed_in(tx, services, known, request.state.presented).who
    except Unauthenticated:
        return False
    return replace(now, address=who.address, request_id=who.request_id) == who


Who = Annotated[Actor, Depends(signed_in_caller)]
"""Annotate a route's parameter with this: the route then needs somebody signed in, and shows him what is his."""


class RequiresScope:
    """Requirement of a route: a scope, granted in the whole town or, where the route looks further, for some things.

    `of_kind`: a restricted kind's own scope will do, as the route then asks for the one of the kind it is about.
    """

    def __init__(self, scope: str, *, in_part: bool = False, of_kind: bool = False) -> None:
        self.scope = scope
        self._in_part = in_part
        self.of_kind = of_kind

    def __call__(self, who: Who) -> Actor:
        """Return the caller. Raises Forbidden."""
        enough = {self.scope}
        if self.of_kind:
            enough |= {scope_of_kind(self.scope, kind, who.restricted_kinds) for kind in who.restricted_kinds}
        if not any(who.may_at_all(scope) if self._in_part else who.may(scope) for scope in enough):
            raise Forbidden("scope_missing", scope=self.scope)
        return who


def requires_scope(scope: str, *, in_part: bool = False, of_kind: bool = False) -> Any:  # noqa: ANN401 - FastAPI's Depends
    """Return what to annotate a caller with whom a route needs to hold a scope."""
    return Depends(RequiresScope(scope, in_part=in_part, of_kind=of_kind))
