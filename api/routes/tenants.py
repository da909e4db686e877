"""Towns."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel

from api.authentication import Who, requires_scope
from api.fields import IdInPath, Name, RequestBody
from api.paging import ItemPage
from api.preconditions import Expected, etag
from api.problems import problem_responses
from api.services import Services, Use
from api.time_parameters import TimeOut
from application.access.actor import Actor
from application.ports import tenants
from application.ports.inventory import AssetRepository
from application.ports.registry import RegistryTransaction
from application.ports.tenants import TenantRepository
from application.tenants import find_tenant, rename_tenant, take_in_tenant
from devices.messages import Id

Keeper = Annotated[Actor, requires_scope("tenants:admin")]
router = APIRouter(prefix="/tenants", tags=["access"])


class TenantSchema(BaseModel):
    """A municipality that devices, groups, events and people belong to."""

    tenant_id: str
    name: str
    devices: int
    """Those the caller may see."""
    created_at: TimeOut
    version: int


class TenantWanted(RequestBody):
    """A town to be served."""

    tenant_id: Id
    name: Name


class TenantChange(RequestBody):
    """What may change."""

    name: Name


@router.get("")
def list_tenants(who: Who, services: Use) -> ItemPage[TenantSchema]:
    """List the towns the caller is at work in, in order of id."""
    with services.registry.read() as tx:
        counts = tx.get(AssetRepository).count_by_tenant(who.kinds(services.catalog), who.tenants())
        found = [t for t in tx.get(TenantRepository).all() if who.is_at_home(t.tenant_id)]
    return ItemPage[TenantSchema](items=[_show(t, counts.get(t.tenant_id, 0)) for t in found])


@router.post("", status_code=201, responses=problem_responses(409))
def create_tenant(who: Keeper, services: Use, body: TenantWanted, response: Response) -> TenantSchema:
    """Take in a town; needs `tenants:admin` for all towns."""
    with services.registry.write() as tx:
        made = take_in_tenant(tx, who, body.tenant_id, body.name, services.now_us())
    _head(response, made)
    return _show(made, 0)


@router.get("/{tenant_id}")
def get_tenant(tenant_id: IdInPath, who: Who, services: Use, response: Response) -> TenantSchema:
    """Show one town; its ETag is what PATCH wants as If-Match."""
    with services.registry.read() as tx:
        found = find_tenant(tx, who, tenant_id)
        count = _count(tx, services, who, tenant_id)
    _head(response, found)
    return _show(found, count)


@router.patch("/{tenant_id}", responses=problem_responses(412, 428))
def change_tenant(  # noqa: PLR0917
    tenant_id: IdInPath, who: Keeper, services: Use, seen: Expected, body: TenantChange, response: Response
) -> TenantSchema:
    """Change the name; needs `tenants:admin`."""
    with services.registry.write() as tx:
        changed = rename_tenant(tx, who, tenant_id, body.name, seen)
        count = _count(tx, services, who, tenant_id)
    _head(response, changed)
    return _show(changed, count)


def _count(tx: RegistryTransaction, services: Services, who: Actor, tenant_id: str) -> int:
    return tx.get(AssetRepository).count_by_tenant(who.kinds(services.catalog), {tenant_id}).get(tenant_id, 0)


def _head(response: Response, tenant: tenants.Tenant) -> None:
    response.headers["Location"] = f"/api/v1/tenants/{tenant.tenant_id}"
    response.headers["ETag"] = etag(tenant.version)


def _show(tenant: tenants.Tenant, devices: int) -> TenantSchema:
    return TenantSchema(
        tenant_id=tenant.tenant_id,
        name=tenant.name,
        devices=devices,
        created_at=tenant.created_us,
        version=tenant.version,
    )
