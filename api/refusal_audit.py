"""Who was refused, put on record in numbers that no flood can drive up."""

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

from fastapi import Request

from api.problems import TooManyRequests, request_id
from api.sessions import COOKIE, address_of
from application.access.actor import Actor
from application.audit.entry import AuditEvent
from application.ports.registry import RegistryTransaction
from application.ports.users import User, UserRepository
from devices.errors import Forbidden, IdUnavailable, LauternError, NotFound, Unauthenticated
from devices.time_us import DAY_US

SIGN_IN_PATH: Final = "/api/v1/login"
MOST_HELD: Final = 1000
"""Different refusals remembered between two drains."""
MOST_AT_ONCE: Final = 20
"""Different refusals of one drain with an entry of their own; all others share one."""
MOST_A_DAY: Final = 2000
"""Entries of their own in a day; after that all share one each time."""
_RESULTS: Final[tuple[tuple[type[LauternError], str], ...]] = (
    (Unauthenticated, "unauthenticated"),
    (Forbidden, "forbidden"),
    (TooManyRequests, "limited"),
    # Who tries ids of others, one after the other, is seen.
    (IdUnavailable, "unavailable"),
)


@dataclass(frozen=True, slots=True)
class RefusalGroup:
    """What the same refusals have in common; `account` was claimed, `actor` proved."""

    action: str
    object: str
    result: str
    address: str
    actor: str = ""
    name: str = ""
    tenant_id: str | None = None
    account: str = ""


class RefusalCounter:
    """Thread-safe. Requests note, a task drains: none waits for a write, and the same ones become one entry."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[RefusalGroup] = Counter()
        self._last_ids: dict[RefusalGroup, str] = {}
        self._others = 0
        self._day = 0
        self._today = 0

    def note(self, refused: RefusalGroup, request_id: str = "") -> None:
        """Count a refusal."""
        with self._lock:
            if refused not in self._counts and len(self._counts) >= MOST_HELD:
                self._others += 1
                return
            self._counts[refused] += 1
            self._last_ids[refused] = request_id

    def lost(self, times: int) -> None:
        """Take back those that could not be recorded; they will be in the next sum."""
        with self._lock:
            self._others += times

    def drain(self, now_us: int) -> list[tuple[RefusalGroup, int, str]]:
        """Return what is to be recorded, how often and the last request's id, and forget it."""
        with self._lock:
            counts, ids, others = self._counts.most_common(), self._last_ids, self._others
            self._counts, self._last_ids, self._others = Counter(), {}, 0
            if now_us // DAY_US != self._day:
                self._day, self._today = now_us // DAY_US, 0
            room = min(MOST_AT_ONCE, MOST_A_DAY - self._today)
            self._today += min(len(counts), room)
        found = [(refused, times, ids[refused]) for refused, times in counts[:room]]
        others += sum(times for _, times in counts[room:])
        if others:
            found.append((RefusalGroup("refusals.summed", "route/various", "refused", ""), others, ""))
        return found


def refusals_of(request: Request) -> RefusalCounter:
    """The application's."""
    return cast("RefusalCounter", request.app.state.refusals)


def note_refusal(request: Request, error: LauternError) -> None:
    """Remember an error that says that somebody was refused, unless nobody claimed to be somebody."""
    result = next((said for kind, said in _RESULTS if isinstance(error, kind)), None)
    if result is None or (result == "unauthenticated" and not _claims(request)):
        return
    who: Actor | None = getattr(request.state, "who", None)
    if who is None:
        is_sign_in = request.scope["path"].endswith(SIGN_IN_PATH)
        refused = RefusalGroup(
            action="sign_in" if is_sign_in else "access",
            object="user" if is_sign_in else _route(request),
            result=result,
            address=address_of(request),
            account=getattr(request.state, "account", "") if is_sign_in else "",
        )
    else:
        refused = RefusalGroup("access", _route(request), result, who.address, who.actor, who.name, who.tenant_id)
    refusals_of(request).note(refused, request_id(request))


def refusal_events(tx: RegistryTransaction, drained: list[tuple[RefusalGroup, int, str]]) -> Iterator[AuditEvent]:
    """What to append; names of accounts only where there is one: people type passwords into the wrong field."""
    for refused, times, last_id in drained:
        user = _user(tx, refused.account)
        yield AuditEvent(
            actor=refused.actor,
            name=refused.name,
            tenant_id=user.grants[0].tenant_id if user and user.grants else refused.tenant_id,
            action=refused.action,
            object=f"user/{user.user_id}" if user else refused.object,
            address=refused.address,
            result=refused.result,
            request_id=last_id,
            detail={"times": times},
        )


def _user(tx: RegistryTransaction, account: str) -> User | None:
    try:
        return tx.get(UserRepository).get(account) if account else None
    except NotFound:
        return None


def _claims(request: Request) -> bool:
    headers = request.headers
    return (
        request.scope["path"].endswith(SIGN_IN_PATH)
        or "authorization" in headers
        or "x-api-key" in headers
        or COOKIE in request.cookies
    )


def _route(request: Request) -> str:
    """The route's pattern, never its path: ids in it may be of things that are not for everybody."""
    return f"route/{request.method} {getattr(request.scope.get('route'), 'path', '-')}"
