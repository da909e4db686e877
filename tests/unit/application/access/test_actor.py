"""What a caller may do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.authentication import UsageBuffer, verify_api_key
from application.access.actor import Actor
from application.access.api_keys import new_key, secret_digest
from application.access.roles import role_scopes
from application.ports.api_keys import ApiKey
from devices.errors import Forbidden, NotFound, Unauthenticated
from devices.kind_catalog import discover_kinds
from devices.time_us import MINUTE_US

RESTRICTED = frozenset({"fire_drone"})


def _caller(*scopes: str, tenant_id: str | None = None) -> Actor:
    return Actor("me", tenant_id, frozenset(scopes), RESTRICTED)


@pytest.mark.parametrize(
    ("scopes", "scope", "granted"),
    [
        (("*",), "lights:dim", True),
        (("*",), "fire_drone:read", False),
        (("*", "fire_drone:read"), "fire_drone:read", True),
        (("fire_drone:*",), "fire_drone:read", True),
        (("lights:*",), "lights:dim", True),
        (("lights:read",), "lights:dim", False),
        ((), "lights:dim", False),
    ],
)
def test_scopes(scopes: tuple[str, ...], scope: str, granted: bool) -> None:  # noqa: FBT001
    who = _caller(*scopes)
    assert who.may(scope) is granted
    if not granted:
        with pytest.raises(Forbidden):
            who.require(scope)


def test_no_role_reads_the_programs_own_devices() -> None:
    own = {kind.read_scope for kind in discover_kinds().values() if kind.internal}
    assert own
    assert not own & frozenset().union(*role_scopes(discover_kinds()).values())


def test_what_is_not_yours_is_not_there_and_its_kind_is_not_told() -> None:
    for who in (_caller("*", tenant_id="kl"), _caller("lights:dim")):
        with pytest.raises(NotFound) as refused:
            who.must_see("speyer", "streetlight")
        assert refused.value.detail == ""
    _caller("streetlight:read", tenant_id="kl").must_see("kl", "streetlight")


class Keys:
    """One stored key."""

    def __init__(self, key: ApiKey) -> None:
        self._key = key

    def by_prefix(self, prefix: str) -> ApiKey | None:
        return self._key if prefix == self._key.prefix else None

    def add(self, key: ApiKey) -> None: ...

    def all(self) -> list[ApiKey]:
        return [self._key]

    def touch(self, key_id: str, at_us: int) -> None: ...

    def revoke(self, key_id: str, at_us: int) -> None: ...


def _key(secret: str, **fields: Any) -> ApiKey:
    return ApiKey("id", "lk1", secret_digest(secret), "n", None, frozenset(), 0, **fields)


@given(st.text())
def test_nothing_made_up_opens(presented: str) -> None:
    _, secret = new_key()
    with pytest.raises(Unauthenticated):
        verify_api_key(Keys(_key(secret)), presented, 0)
    with pytest.raises(Unauthenticated):
        verify_api_key(Keys(_key(secret)), f"lk1.{presented}", 0)


def test_the_secret_opens_until_expiry_or_revocation() -> None:
    prefix, secret = new_key()
    assert len(secret) >= 43
    assert "." not in prefix
    assert verify_api_key(Keys(_key(secret, expires_us=10)), f"lk1.{secret}", 9).key_id == "id"
    for key in (_key(secret, expires_us=10), _key(secret, revoked_us=1)):
        with pytest.raises(Unauthenticated):
            verify_api_key(Keys(key), f"lk1.{secret}", 10)


def test_a_use_is_noted_once_a_minute() -> None:
    uses: UsageBuffer[str] = UsageBuffer()
    uses.note("id", 0, MINUTE_US - 1)
    assert uses.drain() == {}
    uses.note("id", 0, MINUTE_US)
    uses.note("id", None, MINUTE_US + 1)
    assert uses.drain() == {"id": MINUTE_US + 1}
    assert uses.drain() == {}
