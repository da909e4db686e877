"""Towns are there before anything belongs to them."""

from application.ports.registry import RegistryTransaction
from application.ports.tenants import Tenant, TenantRepository
from devices.errors import Invalid, NotFound


def must_be_served(tx: RegistryTransaction, tenant_id: str, field: str = "tenant_id") -> None:
    """Raise Invalid, naming the field, for a town that was not taken in."""
    try:
        tx.get(TenantRepository).get(tenant_id)
    except NotFound:
        raise Invalid(f"there is no town {tenant_id} here", field=field) from None


def add_tenant(tx: RegistryTransaction, tenant_id: str, name: str, now_us: int) -> bool:
    """Take a town in, unless it is there; tells whether it was not."""
    tenants = tx.get(TenantRepository)
    if any(known.tenant_id == tenant_id for known in tenants.all()):
        return False
    tenants.add(Tenant(tenant_id, name, now_us))
    return True
