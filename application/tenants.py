"""Towns are there before anything belongs to them; taken in and renamed by whoever may."""

from dataclasses import replace

from application.access.actor import Actor
from application.audit.audit_trail import object_name, record_action
from application.ports.registry import RegistryTransaction
from application.ports.tenants import Tenant, TenantRepository
from application.versions import check_version
from devices.errors import Forbidden, Invalid, NotFound


def must_be_served(tx: RegistryTransaction, tenant_id: str, field: str = "tenant_id") -> None:
    """Raise Invalid, naming the field, for a town that was not taken in."""
    try:
        tx.get(TenantRepository).get(tenant_id)
    except NotFound:
        raise Invalid("no_such_town", tenant=tenant_id, field=field) from None


def take_in_tenant(tx: RegistryTransaction, actor: Actor, tenant_id: str, name: str, now_us: int) -> Tenant:
    """Take a town in. Raises Forbidden, Conflict when it is there."""
    if actor.tenant_id is not None:
        raise Forbidden("installation_takes_towns")
    tx.get(TenantRepository).add(Tenant(tenant_id, name, now_us))
    made = tx.get(TenantRepository).get(tenant_id)
    _record(tx, actor, "tenant.create", made)
    return made


def take_in_first_tenant(tx: RegistryTransaction, actor: Actor, tenant_id: str, now_us: int) -> None:
    """Take in the town of the settings; one that is there stays as it is."""
    if all(known.tenant_id != tenant_id for known in tx.get(TenantRepository).all()):
        take_in_tenant(tx, actor, tenant_id, tenant_id.capitalize(), now_us)


def rename_tenant(tx: RegistryTransaction, actor: Actor, tenant_id: str, name: str, seen: int | None) -> Tenant:
    """Change the name that people read; the id stays. Raises NotFound, VersionMismatch unless `seen` is its version."""
    found = find_tenant(tx, actor, tenant_id)
    check_version(seen, found.version)
    changed = tx.get(TenantRepository).change(replace(found, name=name))
    _record(tx, actor, "tenant.change", changed)
    return changed


def find_tenant(tx: RegistryTransaction, actor: Actor, tenant_id: str) -> Tenant:
    """Return a town that the actor is at work in. Raises NotFound."""
    if not actor.is_at_home(tenant_id):
        raise NotFound(tenant_id)
    return tx.get(TenantRepository).get(tenant_id)


def _record(tx: RegistryTransaction, actor: Actor, action: str, town: Tenant) -> None:
    thing, detail = object_name("tenant", town.tenant_id), {"name": town.name}
    record_action(tx, actor, action, thing, detail=detail, tenant_id=town.tenant_id)
