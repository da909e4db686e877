"""Who calls and what they may do: the one place that decides."""

from collections.abc import Collection
from dataclasses import dataclass

from devices.catalog import Catalog
from devices.errors import Forbidden, NotFound


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of a key. `tenant_id` None may act for all tenants.

    A scope is `subject:verb`; `subject:*` grants all verbs, `*` everything but restricted kinds.
    """

    name: str
    tenant_id: str | None
    scopes: frozenset[str]
    restricted_kinds: frozenset[str]

    def may(self, scope: str) -> bool:
        """Tell whether a scope is granted."""
        subject = scope.partition(":")[0]
        if scope in self.scopes or f"{subject}:*" in self.scopes:
            return True
        return "*" in self.scopes and subject not in self.restricted_kinds

    def require(self, scope: str) -> None:
        """Raise Forbidden unless the scope is granted."""
        if not self.may(scope):
            raise Forbidden(f"scope {scope} is missing")

    def kinds(self, catalog: Catalog) -> frozenset[str]:
        """Kinds this caller may read."""
        return frozenset(k.name for k in catalog.values() if not k.internal and self.may(k.read_scope))

    def tenants(self) -> Collection[str] | None:
        """Tenants for list filters; None means all."""
        return None if self.tenant_id is None else {self.tenant_id}

    def must_see(self, tenant_id: str, kind: str) -> None:
        """Raise NotFound for what is not the caller's: its existence is not told."""
        if (self.tenant_id is not None and tenant_id != self.tenant_id) or not self.may(f"{kind}:read"):
            raise NotFound
