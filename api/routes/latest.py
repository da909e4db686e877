"""Newest values: of one device with all channels, or of a whole kind in one call."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, JsonValue
from pydantic_core import to_json

from api.authentication import Who
from api.fields import IdInPath
from api.services import Use
from api.time_parameters import TimeOut, TsSource, age_s, ts_source
from application.access import authorization
from application.ports.latest_values import LatestValue, LatestValues
from application.privacy.small_counts import shown_values
from devices.kind_catalog import KindCatalog
from devices.time_us import rfc3339

Channel = Literal["telemetry", "state", "status", "info"]
router = APIRouter(tags=["telemetry"])


class LatestSchema(BaseModel):
    """Newest values of one channel and part."""

    id: str
    tenant_id: str
    channel: Channel
    part: str
    ts: TimeOut
    ts_source: TsSource
    age_s: float
    received_at: TimeOut
    suspect: bool
    """Possible but implausible: believed less, alarmed."""
    values: dict[str, JsonValue]


class NewestOfDevice(BaseModel):
    """Newest values of one device."""

    id: str
    kind: str
    at: TimeOut
    items: list[LatestSchema]


class NewestOfKind(BaseModel):
    """Newest values of all devices of a kind."""

    kind: str
    at: TimeOut
    items: list[LatestSchema]


_OF_DEVICE: dict[int | str, dict[str, Any]] = {200: {"model": NewestOfDevice}}
_OF_KIND: dict[int | str, dict[str, Any]] = {200: {"model": NewestOfKind}}


@router.get("/devices/{asset_id}/latest", response_class=Response, responses=_OF_DEVICE)
def get_latest(asset_id: IdInPath, who: Who, services: Use) -> Response:
    """Show the newest values of a device, each with its age."""
    with services.registry.read() as tx:
        asset = authorization.visible_asset(tx, who, asset_id)
        rows = authorization.visible_latest(who, tx.get(LatestValues).of_assets([asset_id]))
    now_us = services.now_us()
    head = {"id": asset_id, "kind": asset.kind, "at": rfc3339(now_us)}
    return _json(head | {"items": [_shown(services.catalog, r, now_us) for r in rows]})


@router.get("/telemetry/latest", response_class=Response, responses=_OF_KIND)
def get_latest_of_kind(
    who: Who,
    services: Use,
    kind: Annotated[str, Query(max_length=64)],
    channel: Annotated[Channel, Query()] = "telemetry",
) -> Response:
    """Show the newest values of all devices of a kind."""
    visible = authorization.visible_things(who, services.catalog, kind)
    only = None if visible.kinds else visible.assets
    with services.registry.read() as tx:
        rows = tx.get(LatestValues).of_kind(kind, who.tenants(), channel, only) if visible.kinds or only else ()
    now_us = services.now_us()
    return _json({"kind": kind, "at": rfc3339(now_us), "items": [_shown(services.catalog, r, now_us) for r in rows]})


def _json(body: dict[str, Any]) -> Response:
    return Response(to_json(body), media_type="application/json")


def _shown(catalog: KindCatalog, row: LatestValue, now_us: int) -> dict[str, Any]:
    return {
        "id": row.asset_id,
        "tenant_id": row.tenant_id,
        "channel": row.channel,
        "part": row.part,
        "ts": rfc3339(row.ts_us),
        "ts_source": ts_source(row.ts_us, row.received_us),
        "age_s": age_s(row.ts_us, now_us),
        "received_at": rfc3339(row.received_us),
        "suspect": row.suspect,
        "values": shown_values(catalog.get(row.kind), row.values),
    }
