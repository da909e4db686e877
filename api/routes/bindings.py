"""Which device (controller) was bound to an asset when; replacing it; devices that wait for approval."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, JsonValue

from api import schemas
from api.authentication import Who
from api.fields import Attributes, IdInPath, Name, RequestBody
from api.paging import ItemPage, PageWanted, page_of
from api.problems import problem_responses
from api.routes.devices import Writer
from api.services import Use
from api.time_parameters import TimeIn, TimeOut, age_s
from application.access import authorization
from application.inventory import waiting_devices
from application.inventory.asset_changes import AssetEditor
from application.ports.inventory import AssetRepository, DeviceBinding, UnknownDevice
from devices.messages import Id

router = APIRouter(prefix="/devices", tags=["devices"])


class BindingSchema(BaseModel):
    """A device bound to an asset from–to; `until` null while it lasts."""

    device_id: str
    from_: TimeOut = Field(serialization_alias="from")
    until: TimeOut | None


class UnknownDeviceSchema(BaseModel):
    """A device that speaks but is not registered."""

    device_id: str
    tenant_id: str
    kind: str
    first_seen_at: TimeOut
    last_seen_at: TimeOut
    last_seen_age_s: float
    messages: int
    info: dict[str, JsonValue] | None


class ApproveRequest(RequestBody):
    """How to register a waiting device; its tenant and kind are those it speaks as."""

    id: Id | None = None
    """Id of the new asset; the device's own when absent."""
    name: Name | None = None
    lat: float | None = Field(None, ge=-90, le=90)
    lon: float | None = Field(None, ge=-180, le=180)
    attributes: Attributes = Field(default_factory=dict)
    via: Id | None = None


class ReplaceRequest(RequestBody):
    """The new device of an asset, from a time on (now when absent)."""

    device_id: Id
    from_: TimeIn | None = Field(None, alias="from")


@router.get("/unknown")
def list_unknown_devices(
    who: Who, services: Use, page: PageWanted, kind: Annotated[str | None, Query(max_length=64)] = None
) -> ItemPage[UnknownDeviceSchema]:
    """List devices that speak but are not registered."""
    kinds = authorization.readable_kinds(who, services.catalog, kind)
    now_us = services.now_us()
    with services.registry.read() as tx:
        found = tx.get(AssetRepository).unknown(page.limit, page.cursor, tenant_ids=who.tenants(), kinds=kinds)
    return page_of(found, lambda u: _waiting(u, now_us))


@router.post("/unknown/{device_id}/approve", status_code=201, responses=problem_responses(409))
def approve_device(
    device_id: IdInPath, who: Writer, services: Use, body: ApproveRequest, response: Response
) -> schemas.DeviceSchema:
    """Register a waiting device, from when it was first seen, so that its dead letters can be replayed."""
    with services.registry.write() as tx:
        approval = waiting_devices.DeviceApproval(body.id, body.name, body.lat, body.lon, body.attributes, body.via)
        asset = waiting_devices.approve_device(tx, who, services.catalog, device_id, approval, services.now_us())
        response.headers["Location"] = f"/api/v1/devices/{asset.asset_id}"
        return schemas.device_schema(tx, who, asset, services.now_us())


@router.delete("/unknown/{device_id}", status_code=204)
def forget_unknown_device(device_id: IdInPath, who: Writer, services: Use) -> None:
    """Drop from the waiting list; it comes back when the device speaks again."""
    with services.registry.write() as tx:
        waiting_devices.forget_waiting_device(tx, who, services.catalog, device_id)


@router.get("/{asset_id}/bindings")
def list_bindings(asset_id: IdInPath, who: Who, services: Use) -> ItemPage[BindingSchema]:
    """List the devices this asset has had, oldest first."""
    with services.registry.read() as tx:
        authorization.own_asset(tx, who, asset_id)
        return ItemPage[BindingSchema](items=[_bound(b) for b in tx.get(AssetRepository).bindings_of_asset(asset_id)])


@router.post("/{asset_id}/replace", responses=problem_responses(409))
def replace_device(asset_id: IdInPath, who: Writer, services: Use, body: ReplaceRequest) -> BindingSchema:
    """Bind a new device to the asset; its history goes on, the login of the device before it ends."""
    with services.registry.write() as tx:
        editor = AssetEditor(tx, who, services.catalog, services.now_us())
        return _bound(editor.replace_device(asset_id, body.device_id, body.from_))


def _waiting(unknown: UnknownDevice, now_us: int) -> UnknownDeviceSchema:
    return UnknownDeviceSchema(
        device_id=unknown.device_id,
        tenant_id=unknown.tenant_id,
        kind=unknown.kind,
        first_seen_at=unknown.first_seen_us,
        last_seen_at=unknown.last_seen_us,
        last_seen_age_s=age_s(unknown.last_seen_us, now_us),
        messages=unknown.messages,
        info=None if unknown.info is None else dict(unknown.info),
    )


def _bound(binding: DeviceBinding) -> BindingSchema:
    return BindingSchema(device_id=binding.device_id, from_=binding.from_us, until=binding.until_us)
