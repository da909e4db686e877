"""Who acts and what they may do: the one place that decides."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from application.access.roles import EVERYTHING, scope_covers
from devices.errors import Forbidden, NotFound
from devices.kind_catalog import KindCatalog

_USER: Final = "user:"


def actor_of(user_id: str) -> str:
    """Actor that a user is on record as."""
    return f"{_USER}{user_id}"


def user_of(actor: str | None) -> str | None:
    """Sign-in name of an actor that is a user."""
    return actor.removeprefix(_USER) if actor is not None and actor.startswith(_USER) else None


def local_operator(user: str, machine: str, restricted_kinds: frozenset[str]) -> "Actor":
    """Whoever has the machine has its data, those of restricted kinds too."""
    scopes = frozenset({EVERYTHING, *(f"{kind}:*" for kind in restricted_kinds)})
    return Actor(user, None, scopes, restricted_kinds, actor=f"machine:{user}", address=machine)


def scope_of_kind(scope: str, kind: str, restricted: Collection[str]) -> str:
    """What it takes to do to a thing of a kind what `scope` lets do: of a restricted one `fire_drone:write`, say."""
    return f"{kind}:{scope.partition(':')[2]}" if kind in restricted else scope


@dataclass(frozen=True, slots=True)
class ScopeLimits:
    """Scopes that hold for some things only: `limits` such as `group/fauthweg`, and the assets in them."""

    scopes: frozenset[str]
    limits: frozenset[str]
    asset_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody at work in one town, or with `tenant_id` None in all: a user, a key, or who has the machine.

    A scope is `subject:verb`; `subject:*` grants all verbs, `*` everything but restricted kinds.
    """

    name: str
    """As people read it; commands and alarms are signed with it."""
    tenant_id: str | None
    scopes: frozenset[str]
    restricted_kinds: frozenset[str]
    within: tuple[ScopeLimits, ...] = ()
    actor: str = ""
    """`user:{sign-in name}`, `key:{name}` or `machine:{user}`."""
    address: str = ""
    request_id: str = ""
    session: bytes | None = field(default=None, repr=False)
    """Digest of the browser's session; None for keys."""
    made_by: str | None = None
    """Of a key: the actor who answers for it."""
    owes: str | None = None
    """Second step that a session still owes: until then it is at work in no town and may do nothing."""

    @property
    def user_id(self) -> str | None:
        """Sign-in name of a user; None for keys."""
        return user_of(self.actor)

    def may(self, scope: str) -> bool:
        """Tell whether a scope is granted in the whole town."""
        return scope_covers(self.scopes, scope, self.restricted_kinds)

    def may_at_all(self, scope: str) -> bool:
        """Tell whether a scope is granted, if only for some things."""
        return self.may(scope) or any(True for _ in self._granting(scope))

    def may_on(self, scope: str, asset_id: str) -> bool:
        """Tell whether a scope is granted for an asset of a town that is the caller's."""
        return self.may(scope) or asset_id in self._assets(scope)

    def may_within(self, scope: str, limit: str) -> bool:
        """Tell whether a scope is granted for what a limit names, such as `group/fauthweg`."""
        return self.may(scope) or any(limit in w.limits for w in self._granting(scope))

    def require(self, scope: str) -> None:
        """Raise Forbidden unless the scope is granted in the whole town."""
        if not self.may(scope):
            raise Forbidden("scope_missing", scope=scope)

    def require_on(self, scope: str, asset_id: str) -> None:
        """Raise Forbidden unless the scope is granted for an asset."""
        if not self.may_on(scope, asset_id):
            raise Forbidden("scope_missing", scope=scope)

    def require_of_kind(self, scope: str, kind: str) -> None:
        """Raise Forbidden unless the scope is granted for things of a kind; for a restricted one that is its own."""
        self.require(scope_of_kind(scope, kind, self.restricted_kinds))

    def kinds(self, catalog: KindCatalog) -> frozenset[str]:
        """Kinds this caller may read in the whole town."""
        return frozenset(k.name for k in catalog.values() if not k.internal and self.may(k.read_scope))

    def some_kinds(self, catalog: KindCatalog) -> frozenset[str]:
        """Kinds of which this caller may read at least some things."""
        return frozenset(k.name for k in catalog.values() if not k.internal and self.may_at_all(k.read_scope))

    def some_assets(self, kinds: Collection[str]) -> frozenset[str]:
        """Assets of these kinds that the caller may read although not the whole kind."""
        return frozenset().union(*(self._assets(f"{kind}:read") for kind in kinds))

    def limited_to(self, scope: str, subject: str) -> frozenset[str]:
        """Names of the groups, or other subjects, that the scope is granted for, where it is for some things only."""
        limits = (limit.partition("/") for w in self._granting(scope) for limit in w.limits)
        return frozenset(name for of, _, name in limits if of == subject)

    def tenants(self) -> Collection[str] | None:
        """Tenants for list filters; None means all."""
        return None if self.tenant_id is None else {self.tenant_id}

    def is_at_home(self, tenant_id: str | None) -> bool:
        """Tell whether a town is the caller's."""
        return self.tenant_id is None or tenant_id == self.tenant_id

    def must_see(self, tenant_id: str, kind: str) -> None:
        """Raise NotFound for what is not the caller's: its existence is not told."""
        if not self.is_at_home(tenant_id) or not self.may(f"{kind}:read"):
            raise NotFound

    def must_see_asset(self, tenant_id: str, kind: str, asset_id: str) -> None:
        """Raise NotFound for an asset, or what belongs to one, that is not the caller's."""
        if not self.is_at_home(tenant_id) or not self.may_on(f"{kind}:read", asset_id):
            raise NotFound

    def _assets(self, scope: str) -> frozenset[str]:
        return frozenset().union(*(w.asset_ids for w in self._granting(scope)))

    def _granting(self, scope: str) -> Iterator[ScopeLimits]:
        return (w for w in self.within if scope_covers(w.scopes, scope, self.restricted_kinds))
