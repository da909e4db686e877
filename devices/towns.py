"""Towns are there before anything belongs to them."""

from devices.errors import Invalid, NotFound
from devices.ports.registry import Transaction
from devices.ports.tenants import Tenant, Tenants


def must_be_served(tx: Transaction, tenant_id: str, field: str = "tenant_id") -> None:
    """Raise Invalid, naming the field, for a town that was not taken in."""
    try:
        tx.get(Tenants).get(tenant_id)
    except NotFound:
        raise Invalid(f"there is no town {tenant_id} here", field=field) from None


def serve(tx: Transaction, tenant_id: str, name: str, now_us: int) -> bool:
    """Take a town in, unless it is there; tells whether it was not."""
    tenants = tx.get(Tenants)
    if any(known.tenant_id == tenant_id for known in tenants.all()):
        return False
    tenants.add(Tenant(tenant_id, name, now_us))
    return True
