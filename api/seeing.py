"""What the caller may see: the lookups every route goes through."""

from api.access import Caller
from devices.catalog import Catalog
from devices.errors import Invalid
from devices.ports.inventory import Asset, Group, Groups, Inventory
from devices.ports.registry import Transaction


def asset(tx: Transaction, who: Caller, asset_id: str) -> Asset:
    """Return the asset if it is the caller's. Raises NotFound."""
    found = tx.get(Inventory).get(asset_id)
    who.must_see(found.tenant_id, found.kind)
    return found


def group(tx: Transaction, who: Caller, group_id: str) -> Group:
    """Return the group if it is the caller's. Raises NotFound."""
    found = tx.get(Groups).get(group_id)
    who.must_see(found.tenant_id, found.kind)
    return found


def kinds(who: Caller, catalog: Catalog, wanted: str | None = None) -> frozenset[str]:
    """Kinds to list: all the caller may read, or the wanted one of them. Raises Invalid for one that does not exist."""
    if wanted is None:
        return who.kinds(catalog)
    if wanted not in catalog:
        raise Invalid(f"must be one of {', '.join(catalog)}", field="query.kind")
    return who.kinds(catalog) & {wanted}


def every_kind(who: Caller, catalog: Catalog) -> bool:
    """Tell whether the caller may also see what belongs to no known kind."""
    return who.kinds(catalog) == {k.name for k in catalog.values() if not k.internal}


def tenant(who: Caller, wanted: str | None) -> str:
    """Tenant that a new thing belongs to: the caller's own, or the one named. Raises Invalid."""
    if who.tenant_id is None:
        if wanted is None:
            raise Invalid("your key is for all tenants: say which", field="tenant_id")
        return wanted
    if wanted not in {None, who.tenant_id}:
        raise Invalid("is not yours", field="tenant_id")
    return who.tenant_id
