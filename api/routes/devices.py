"""The registry of devices."""

from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api import registering, seeing, shown
from api.access import Caller
from api.authentication import Who, needs
from api.fields import ID, PRINTABLE, Attributes, Body, IdInPath, Name
from api.paging import Items, PageWanted
from api.preconditions import Expected, agree, etag
from api.problems import responses
from api.recording import of, record
from api.services import Use
from devices.errors import Invalid
from devices.lending import Lent, ownerships
from devices.messages import Id
from devices.ports.inventory import Asset, AssetFilter, Inventory
from devices.ports.registry import Transaction
from devices.retiring import retire

WRITE: Final = registering.WRITE
Writer = Annotated[Caller, needs(WRITE, of_kind=True)]
router = APIRouter(prefix="/devices", tags=["devices"])


class DeviceChange(Body):
    """What may change; absent stays, null empties."""

    name: Name = ""
    lat: float | None = Field(None, ge=-90, le=90)
    lon: float | None = Field(None, ge=-180, le=180)
    attributes: Attributes = Field(default_factory=dict)
    """Replaces all attributes."""
    via: Id | None = None


@router.get("")
def list_devices(  # noqa: PLR0917 - a list has as many filters as its page shows
    who: Who,
    services: Use,
    page: PageWanted,
    kind: Annotated[str | None, Query(max_length=64)] = None,
    status: Annotated[str | None, Query(pattern="^(online|offline|sleeping|removed|unreachable|unknown)$")] = None,
    q: Annotated[str, Query(max_length=100, pattern=PRINTABLE, description="Part of the id or name.")] = "",
    group: Annotated[str | None, Query(pattern=ID, description="Members of this group.")] = None,
    *,
    retired: Annotated[bool, Query(description="Retired ones too.")] = False,
) -> Items[shown.Device]:
    """List devices in order of id."""
    visible = seeing.visible(who, services.catalog, kind)
    wanted = AssetFilter(
        kinds=visible.kinds,
        also=visible.assets,
        tenant_ids=who.tenants(),
        status=status,
        text=q,
        group_id=group,
        include_retired=retired,
    )
    with services.registry.read() as tx:
        if group is not None:
            seeing.group(tx, who, group)
        wanted = replace(wanted, borrowed=seeing.borrowed(tx, who, services.now_us()))
        found = tx.get(Inventory).find(wanted, page.limit, page.cursor)
        return Items[shown.Device](
            items=shown.devices(tx, who, found.items, services.now_us()), next_cursor=found.next_cursor
        )


@router.post("", status_code=201, responses=responses(409))
def register_device(who: Writer, services: Use, body: registering.Registration, response: Response) -> shown.Device:
    """Register an asset; needs `devices:write`, for restricted kinds `{kind}:write` instead."""
    now_us = services.now_us()
    with services.registry.write() as tx:
        asset = registering.Registrar(tx, who, services.catalog, now_us).register(body)
        _locate(response, asset.asset_id, asset.version)
        detail = {"name": asset.name, "device_id": body.device_id}
        record(tx, who, "device.register", of(asset.kind, asset.asset_id), detail=detail, tenant_id=asset.tenant_id)
        return shown.device(tx, who, asset, now_us)


@router.get("/{asset_id}")
def get_device(asset_id: IdInPath, who: Who, services: Use, response: Response) -> shown.Device:
    """Show one device; its ETag is what PATCH wants as If-Match."""
    with services.registry.read() as tx:
        asset = seeing.known(tx, who, asset_id)
        response.headers["ETag"] = etag(asset.version)
        return shown.device(tx, who, asset, services.now_us())


@router.patch("/{asset_id}", responses=responses(412, 428))
def change_device(  # noqa: PLR0917
    asset_id: IdInPath,
    who: Writer,
    services: Use,
    seen: Expected,
    body: DeviceChange,
    response: Response,
) -> shown.Device:
    """Change name, position, attributes or parent; needs `devices:write`, for restricted kinds `{kind}:write`."""
    now_us = services.now_us()
    given = {name: getattr(body, name) for name in body.model_fields_set}
    if given.get("name") == "":
        raise Invalid("must not be empty", field="name")
    with services.registry.write() as tx:
        asset = _writable(tx, who, asset_id)
        agree(seen, asset.version)
        wanted = replace(asset, **given)
        registering.Registrar(tx, who, services.catalog, now_us).check(wanted)
        changed = tx.get(Inventory).change(wanted)
        response.headers["ETag"] = etag(changed.version)
        record(tx, who, "device.change", of(asset.kind, asset_id), detail=given, tenant_id=asset.tenant_id)
        return shown.device(tx, who, changed, now_us)


@router.delete("/{asset_id}", status_code=204, responses=responses(409))
def retire_device(asset_id: IdInPath, who: Writer, services: Use) -> None:
    """Retire: the history stays, its alarms end, it is no longer listed or commanded.

    Needs `devices:write`, for restricted kinds `{kind}:write`.
    """
    with services.registry.write() as tx:
        asset = _writable(tx, who, asset_id)
        if asset.retired_us is None:
            if ownerships(tx, [asset])[asset_id].loan_at(services.now_us()):
                raise Lent
            retire(tx, asset, services.now_us())
        record(tx, who, "device.retire", of(asset.kind, asset_id), tenant_id=asset.tenant_id)


def _writable(tx: Transaction, who: Caller, asset_id: str) -> Asset:
    asset = seeing.asset(tx, who, asset_id)
    who.require_of_kind(WRITE, asset.kind)
    return asset


def _locate(response: Response, asset_id: str, version: int) -> None:
    response.headers["Location"] = f"/api/v1/devices/{asset_id}"
    response.headers["ETag"] = etag(version)
