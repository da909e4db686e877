"""Network nodes, and their links: the measured objects that their newest samples speak of."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, JsonValue

from api import schemas
from api.authentication import Who
from api.fields import ID, PRINTABLE, IdInPath
from api.kinds.event_network.routes.events import KIND, Reader
from api.paging import ItemPage, PageWanted
from api.problems import problem_responses
from api.services import Use
from api.time_parameters import TimeOut, age_s
from application.access import authorization
from application.access.actor import Actor
from application.kinds.event_network.ports import EventRepository
from application.ports.inventory import AssetFilter, AssetRepository
from application.ports.latest_values import LatestValue, LatestValues
from application.ports.registry import RegistryTransaction
from application.privacy.small_counts import shown_values
from devices.errors import NotFound
from devices.event_network import KIND as NETWORK
from devices.event_network.city_event import CityEvent
from devices.event_network.state import applied_profile

router = APIRouter(tags=["event network"])
_CASE: Final = (
    *("power_source", "battery_pct", "battery_remaining_s", "case_temp_celsius", "enclosure_open"),
    *("cpu_pct", "mem_pct", "uptime_s", "mast_height_m", "wind_ms", "tilt_deg"),
)


class NetworkNode(schemas.DeviceSchema):
    """A node with the event it serves now, its parts and its case."""

    role: str | None
    event_id: str | None
    event_name: str | None
    links: int
    case: dict[str, JsonValue]
    profile: dict[str, int] | None
    """Bandwidth profile in force: bit/s by `{service_class}_{down|up}_bps`."""


class NetworkLink(BaseModel):
    """A measured object of a node: newest sample, and what it is to the event it serves now."""

    device_id: str
    part: str
    sample_at: TimeOut
    sample_age_s: float
    values: dict[str, JsonValue]
    event_id: str | None
    object_id: str | None
    parent_id: str | None
    area_id: str | None
    service_class: str | None


@router.get("/network-nodes")
def list_nodes(
    who: Reader, services: Use, page: PageWanted, q: Annotated[str, Query(max_length=100, pattern=PRINTABLE)] = ""
) -> ItemPage[NetworkNode]:
    """List nodes in order of id. Needs `event_network:read`."""
    visible = authorization.visible_things(who, services.catalog, KIND)
    which = AssetFilter(kinds=visible.kinds, also=visible.assets, tenant_ids=who.tenants(), text=q)
    now_us = services.now_us()
    with services.registry.read() as tx:
        which = replace(which, borrowed=authorization.borrowed_assets(tx, who, now_us))
        found = tx.get(AssetRepository).find(which, page.limit, page.cursor)
        devices = schemas.device_schemas(tx, who, found.items, now_us)
        return ItemPage[NetworkNode](items=_nodes(tx, who, devices, now_us), next_cursor=found.next_cursor)


@router.get("/network-nodes/{node_id}", responses=problem_responses(404))
def get_node(node_id: IdInPath, who: Who, services: Use) -> NetworkNode:
    """Show one node."""
    with services.registry.read() as tx:
        asset = authorization.visible_asset(tx, who, node_id)
        if asset.kind != KIND:
            raise NotFound
        return _nodes(tx, who, [schemas.device_schema(tx, who, asset, services.now_us())], services.now_us())[0]


@router.get("/network-links")
def list_links(
    who: Reader,
    services: Use,
    page: PageWanted,
    device: Annotated[str | None, Query(pattern=ID, description="Links of this node only.")] = None,
) -> ItemPage[NetworkLink]:
    """List measured objects by node and part, with their newest samples; pages go by node."""
    now_us = services.now_us()
    with services.registry.read() as tx:
        if device is not None:
            nodes, following = [authorization.visible_asset(tx, who, device)], None
        else:
            visible = authorization.visible_things(who, services.catalog, KIND)
            which = AssetFilter(
                kinds=visible.kinds,
                also=visible.assets,
                tenant_ids=who.tenants(),
                borrowed=authorization.borrowed_assets(tx, who, now_us),
            )
            found = tx.get(AssetRepository).find(which, page.limit, page.cursor)
            nodes, following = list(found.items), found.next_cursor
        ids = [n.asset_id for n in nodes]
        newest = authorization.visible_latest(who, tx.get(LatestValues).of_assets(ids))
        latest = [r for r in newest if r.channel == "telemetry" and r.part]
        serving = _serving(tx, who, ids, now_us)
    latest.sort(key=lambda r: (r.asset_id, r.part))
    return ItemPage[NetworkLink](
        items=[_link(r, serving.get(r.asset_id), now_us) for r in latest], next_cursor=following
    )


def _serving(tx: RegistryTransaction, who: Actor, asset_ids: Collection[str], now_us: int) -> Mapping[str, CityEvent]:
    """Events of the caller's town: a node that is lent may serve another's."""
    found = tx.get(EventRepository).serving(asset_ids, now_us)
    return {asset_id: event for asset_id, event in found.items() if who.is_at_home(event.tenant_id)}


def _nodes(
    tx: RegistryTransaction, who: Actor, devices: Iterable[schemas.DeviceSchema], now_us: int
) -> list[NetworkNode]:
    listed = list(devices)
    ids = [d.id for d in listed]
    latest: dict[str, list[LatestValue]] = {}
    for row in authorization.visible_latest(who, tx.get(LatestValues).of_assets(ids)):
        latest.setdefault(row.asset_id, []).append(row)
    serving = _serving(tx, who, ids, now_us)
    return [_node(d, latest.get(d.id, []), serving.get(d.id)) for d in listed]


def _node(device: schemas.DeviceSchema, latest: Iterable[LatestValue], event: CityEvent | None) -> NetworkNode:
    rows = {(r.channel, r.part): r for r in latest}
    values: Mapping[str, Any] = rows["telemetry", ""].values if ("telemetry", "") in rows else {}
    state: Mapping[str, Any] = rows["state", ""].values if ("state", "") in rows else {}
    info: Mapping[str, Any] = rows["info", ""].values if ("info", "") in rows else {}
    role = info.get("role") or device.attributes.get("role")
    return NetworkNode(
        **device.model_dump(exclude={"status_since", "last_seen_at", "created_at", "retired_at", "lent"}),
        status_since=device.status_since,
        last_seen_at=device.last_seen_at,
        created_at=device.created_at,
        retired_at=device.retired_at,
        lent=device.lent,
        role=None if role is None else str(role),
        event_id=event.event_id if event else None,
        event_name=event.name if event else None,
        links=sum(1 for channel, part in rows if channel == "telemetry" and part),
        case={name: values[name] for name in _CASE if name in values},
        profile=applied_profile(state) or None,
    )


def _link(row: LatestValue, event: CityEvent | None, now_us: int) -> NetworkLink:
    objects = event.serving(now_us) if event else ()
    item = next((o for o in objects if (o.asset_id, o.part) == (row.asset_id, row.part)), None)
    return NetworkLink(
        device_id=row.asset_id,
        part=row.part,
        sample_at=row.ts_us,
        sample_age_s=age_s(row.ts_us, now_us),
        values=_displayed(row.values),
        event_id=event.event_id if event and item else None,
        object_id=item.object_id if item else None,
        parent_id=item.parent_id if item else None,
        area_id=item.area_id if item else None,
        service_class=item.service_class if item else None,
    )


def _displayed(values: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Counts of people's devices below five are not told; counters as text, exact beyond 2^53."""
    found: dict[str, JsonValue] = {}
    for name, value in shown_values(NETWORK, values).items():
        found[name] = str(value) if name.endswith("_octets") else value
    return found
