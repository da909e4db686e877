"""Who calls: API keys as `Authorization: Bearer <prefix>.<secret>` or `X-API-Key: <prefix>.<secret>`."""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Mapping
from typing import Annotated, Final, cast

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from api.access import Caller
from api.services import Use
from devices.errors import Unauthenticated
from devices.instants import MINUTE_US
from devices.ports.access import ApiKey, ApiKeys

_BEARER = HTTPBearer(auto_error=False, scheme_name="Bearer", description="`<prefix>.<secret>`")
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="ApiKey")
_LONGEST: Final = 256
_NOBODY: Final = hashlib.sha256(b"").digest()


class KeyUses:
    """Uses of keys not yet recorded: noted by requests, drained by a task, so that no request waits for a write."""

    def __init__(self) -> None:
        self._noted: dict[str, int] = {}
        self._lock = threading.Lock()

    def note(self, key: ApiKey, now_us: int) -> None:
        """Remember a use when the last recorded one is a minute old."""
        if key.last_used_us is None or now_us - key.last_used_us >= MINUTE_US:
            with self._lock:
                self._noted[key.key_id] = now_us

    def drain(self) -> Mapping[str, int]:
        """Return uses to record, as last use in µs by key id, and forget them."""
        with self._lock:
            noted, self._noted = self._noted, {}
        return noted


def new_key() -> tuple[str, str]:
    """Return a fresh prefix and a secret of 256 random bits."""
    return "lk" + secrets.token_hex(5), secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """SHA-256 of a secret; enough for random secrets of 256 bits."""
    return hashlib.sha256(secret.encode()).digest()


def verify(keys: ApiKeys, presented: str, now_us: int) -> ApiKey:
    """Return the key that `presented` proves to be held. Raises Unauthenticated, never saying which part was wrong."""
    prefix, dot, secret = presented.partition(".")
    key = keys.by_prefix(prefix) if dot and len(presented) <= _LONGEST and presented.isascii() else None
    same = hmac.compare_digest(digest(secret), key.secret_sha256 if key else _NOBODY)
    if key is None or not same or key.revoked_us is not None:
        raise Unauthenticated
    if key.expires_us is not None and now_us >= key.expires_us:
        raise Unauthenticated
    return key


def caller(
    request: Request,
    services: Use,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    header: Annotated[str | None, Security(_HEADER)],
) -> Caller:
    """Return the holder of the request's key. Raises Unauthenticated."""
    presented = bearer.credentials if bearer else header
    if not presented:
        raise Unauthenticated
    now_us = services.now_us()
    with services.registry.read() as tx:
        key = verify(tx.get(ApiKeys), presented, now_us)
    cast("KeyUses", request.app.state.key_uses).note(key, now_us)
    restricted = frozenset(k.name for k in services.catalog.values() if k.restricted)
    return Caller(key.name, key.tenant_id, key.scopes, restricted)


Who = Annotated[Caller, Depends(caller)]
"""Annotate a route's parameter with this: the route then needs a key, and has its holder."""
