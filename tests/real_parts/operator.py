"""What whoever has the machine does before a test: takes towns in, makes keys."""

import time
from collections.abc import Iterable

from application.access.api_keys import KeyRequest, make_api_key
from application.ports.registry import Registry, RegistryTransaction
from application.ports.tenants import Tenant, TenantRepository
from devices.kind_catalog import discover_kinds
from runtime.audit_setup import operator


def make_key(registry: Registry, name: str, scopes: Iterable[str], tenant_id: str | None = None) -> str:
    """Store a key; returns what its holder presents."""
    catalog, wanted = discover_kinds(), KeyRequest(name, frozenset(scopes), tenant_id)
    with registry.write() as tx:
        return make_api_key(tx, operator(catalog), catalog, wanted, time.time_ns() // 1000)[1]


def add_town(tx: RegistryTransaction, tenant_id: str, name: str, now_us: int) -> None:
    """Take a town in unless it is there, and put nothing on record."""
    towns = tx.get(TenantRepository)
    if all(known.tenant_id != tenant_id for known in towns.all()):
        towns.add(Tenant(tenant_id, name, now_us))
