"""Which device (controller) was bound to an asset when; replacing it; devices that wait for approval."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, JsonValue

from api import registering, seeing, shown
from api.access import Caller
from api.authentication import Who
from api.fields import Attributes, Body, IdInPath, Name
from api.paging import Items, PageWanted, page_of
from api.problems import responses
from api.recording import of, record
from api.routes.devices import WRITE, Writer
from api.services import Services, Use
from api.times import TimeIn, TimeOut, age_s
from devices.credentials import revoke_if_any, user_of
from devices.errors import Invalid, NotFound
from devices.instants import rfc3339
from devices.messages import Id
from devices.ports.credentials import Credentials
from devices.ports.inventory import Binding, Inventory, UnknownDevice
from devices.ports.registry import Transaction

router = APIRouter(prefix="/devices", tags=["devices"])


class Bound(BaseModel):
    """A device bound to an asset from–to; `until` null while it lasts."""

    device_id: str
    from_: TimeOut = Field(serialization_alias="from")
    until: TimeOut | None


class Waiting(BaseModel):
    """A device that speaks but is not registered."""

    device_id: str
    tenant_id: str
    kind: str
    first_seen_at: TimeOut
    last_seen_at: TimeOut
    last_seen_age_s: float
    messages: int
    info: dict[str, JsonValue] | None


class Approval(Body):
    """How to register a waiting device; its tenant and kind are those it speaks as."""

    id: Id | None = None
    """Id of the new asset; the device's own when absent."""
    name: Name | None = None
    lat: float | None = Field(None, ge=-90, le=90)
    lon: float | None = Field(None, ge=-180, le=180)
    attributes: Attributes = Field(default_factory=dict)
    via: Id | None = None


class Replacement(Body):
    """The new device of an asset, from a time on (now when absent)."""

    device_id: Id
    from_: TimeIn | None = Field(None, alias="from")


@router.get("/unknown")
def list_unknown_devices(
    who: Who, services: Use, page: PageWanted, kind: Annotated[str | None, Query(max_length=64)] = None
) -> Items[Waiting]:
    """List devices that speak but are not registered."""
    kinds = seeing.kinds(who, services.catalog, kind)
    now_us = services.now_us()
    with services.registry.read() as tx:
        found = tx.get(Inventory).unknown(page.limit, page.cursor, tenant_ids=who.tenants(), kinds=kinds)
    return page_of(found, lambda u: _waiting(u, now_us))


@router.post("/unknown/{device_id}/approve", status_code=201, responses=responses(409))
def approve_device(device_id: IdInPath, who: Writer, services: Use, body: Approval, response: Response) -> shown.Device:
    """Register a waiting device, from when it was first seen, so that its dead letters can be replayed."""
    with services.registry.write() as tx:
        unknown = _find_unknown(tx, who, services, device_id)
        wanted = registering.Registration(
            id=body.id or device_id,
            tenant_id=unknown.tenant_id,
            kind=unknown.kind,
            name=body.name or device_id,
            device_id=device_id,
            lat=body.lat if body.lat is not None else _number(unknown, "lat"),
            lon=body.lon if body.lon is not None else _number(unknown, "lon"),
            attributes=body.attributes,
            via=body.via,
        )
        registrar = registering.Registrar(tx, who, services.catalog, services.now_us())
        asset = registrar.register(wanted, unknown.first_seen_us)
        thing = of(asset.kind, asset.asset_id)
        record(tx, who, "device.approve", thing, detail={"device_id": device_id}, tenant_id=asset.tenant_id)
        response.headers["Location"] = f"/api/v1/devices/{asset.asset_id}"
        return shown.device(tx, who, asset, services.now_us())


@router.delete("/unknown/{device_id}", status_code=204)
def forget_unknown_device(device_id: IdInPath, who: Writer, services: Use) -> None:
    """Drop from the waiting list; it comes back when the device speaks again."""
    with services.registry.write() as tx:
        unknown = _find_unknown(tx, who, services, device_id)
        tx.get(Inventory).forget_unknown(device_id)
        record(tx, who, "device.forget", of(unknown.kind, "unknown", device_id), tenant_id=unknown.tenant_id)


@router.get("/{asset_id}/bindings")
def list_bindings(asset_id: IdInPath, who: Who, services: Use) -> Items[Bound]:
    """List the devices this asset has had, oldest first."""
    with services.registry.read() as tx:
        seeing.asset(tx, who, asset_id)
        return Items[Bound](items=[_bound(b) for b in tx.get(Inventory).bindings_of_asset(asset_id)])


@router.post("/{asset_id}/replace", responses=responses(409))
def replace_device(asset_id: IdInPath, who: Writer, services: Use, body: Replacement) -> Bound:
    """Bind a new device to the asset; its history goes on, the login of the device before it ends."""
    now_us = services.now_us()
    from_us = now_us if body.from_ is None else body.from_
    if from_us > now_us:
        raise Invalid("must not be in the future", field="from")
    with services.registry.write() as tx:
        asset = seeing.asset(tx, who, asset_id)
        who.require_of_kind(WRITE, asset.kind)
        if asset.retired_us is not None:
            raise NotFound
        before = tx.get(Inventory).current_devices([asset_id]).get(asset_id)
        bound = registering.Registrar(tx, who, services.catalog, now_us).bind(asset, body.device_id, from_us)
        if before not in {None, body.device_id}:
            revoke_if_any(tx.get(Credentials), user_of(asset.tenant_id, asset.kind, str(before)), now_us)
        detail = {"device_id": body.device_id, "from": rfc3339(from_us)}
        record(tx, who, "device.replace", of(asset.kind, asset_id), detail=detail, tenant_id=asset.tenant_id)
        return _bound(bound)


def _find_unknown(tx: Transaction, who: Caller, services: Services, device_id: str) -> UnknownDevice:
    unknown = tx.get(Inventory).get_unknown(device_id)
    who.must_see(unknown.tenant_id, unknown.kind)
    if unknown.kind not in services.catalog:
        raise NotFound
    who.require_of_kind(WRITE, unknown.kind)
    return unknown


def _number(unknown: UnknownDevice, name: str) -> float | None:
    value = (unknown.info or {}).get(name)
    return float(value) if isinstance(value, int | float) else None


def _waiting(unknown: UnknownDevice, now_us: int) -> Waiting:
    return Waiting(
        device_id=unknown.device_id,
        tenant_id=unknown.tenant_id,
        kind=unknown.kind,
        first_seen_at=unknown.first_seen_us,
        last_seen_at=unknown.last_seen_us,
        last_seen_age_s=age_s(unknown.last_seen_us, now_us),
        messages=unknown.messages,
        info=None if unknown.info is None else dict(unknown.info),
    )


def _bound(binding: Binding) -> Bound:
    return Bound(device_id=binding.device_id, from_=binding.from_us, until=binding.until_us)
