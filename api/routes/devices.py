"""The registry of devices."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api import schemas
from api.asset_registration import AssetRegistration
from api.authentication import Who, requires_scope
from api.fields import ID, PRINTABLE, Attributes, IdInPath, Name, RequestBody
from api.paging import ItemPage, PageWanted
from api.preconditions import Expected, etag
from api.problems import problem_responses
from api.services import Use
from application.access import authorization
from application.access.actor import Actor
from application.inventory.asset_changes import AssetEditor
from application.inventory.asset_registrar import WRITE
from application.ports.inventory import AssetFilter, AssetRepository
from devices.errors import Invalid
from devices.messages import Id

Writer = Annotated[Actor, requires_scope(WRITE, of_kind=True)]
router = APIRouter(prefix="/devices", tags=["devices"])


class DeviceChange(RequestBody):
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
) -> ItemPage[schemas.DeviceSchema]:
    """List devices in order of id."""
    visible = authorization.visible_things(who, services.catalog, kind)
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
            authorization.own_group(tx, who, group)
        wanted = replace(wanted, borrowed=authorization.borrowed_assets(tx, who, services.now_us()))
        found = tx.get(AssetRepository).find(wanted, page.limit, page.cursor)
        return ItemPage[schemas.DeviceSchema](
            items=schemas.device_schemas(tx, who, found.items, services.now_us()), next_cursor=found.next_cursor
        )


@router.post("", status_code=201, responses=problem_responses(409))
def register_device(who: Writer, services: Use, body: AssetRegistration, response: Response) -> schemas.DeviceSchema:
    """Register an asset; needs `devices:write`, for restricted kinds `{kind}:write` instead."""
    now_us = services.now_us()
    with services.registry.write() as tx:
        asset = AssetEditor(tx, who, services.catalog, now_us).register(body.new_asset())
        _locate(response, asset.asset_id, asset.version)
        return schemas.device_schema(tx, who, asset, now_us)


@router.get("/{asset_id}")
def get_device(asset_id: IdInPath, who: Who, services: Use, response: Response) -> schemas.DeviceSchema:
    """Show one device; its ETag is what PATCH wants as If-Match."""
    with services.registry.read() as tx:
        asset = authorization.visible_asset(tx, who, asset_id)
        response.headers["ETag"] = etag(asset.version)
        return schemas.device_schema(tx, who, asset, services.now_us())


@router.patch("/{asset_id}", responses=problem_responses(412, 428))
def change_device(  # noqa: PLR0917
    asset_id: IdInPath,
    who: Writer,
    services: Use,
    seen: Expected,
    body: DeviceChange,
    response: Response,
) -> schemas.DeviceSchema:
    """Change name, position, attributes or parent; needs `devices:write`, for restricted kinds `{kind}:write`."""
    now_us = services.now_us()
    given = {name: getattr(body, name) for name in body.model_fields_set}
    if given.get("name") == "":
        raise Invalid("empty", field="name")
    with services.registry.write() as tx:
        changed = AssetEditor(tx, who, services.catalog, now_us).change(asset_id, given, seen)
        response.headers["ETag"] = etag(changed.version)
        return schemas.device_schema(tx, who, changed, now_us)


@router.delete("/{asset_id}", status_code=204, responses=problem_responses(409))
def retire_device(asset_id: IdInPath, who: Writer, services: Use) -> None:
    """Retire: the history stays, its alarms end, it is no longer listed or commanded.

    Needs `devices:write`, for restricted kinds `{kind}:write`.
    """
    with services.registry.write() as tx:
        AssetEditor(tx, who, services.catalog, services.now_us()).retire(asset_id)


def _locate(response: Response, asset_id: str, version: int) -> None:
    response.headers["Location"] = f"/api/v1/devices/{asset_id}"
    response.headers["ETag"] = etag(version)
