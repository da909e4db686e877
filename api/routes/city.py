"""Everything a map or a list of a whole town needs, in one compact answer; what follows comes by the live stream."""

import gzip
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel
from pydantic_core import to_json

from api.authentication import Who
from api.query_admission import Ask
from api.services import Services, Use
from api.time_parameters import TimeOut
from application.access import authorization
from application.access.actor import Actor
from application.ports.alarms import AlarmRepository
from application.ports.changes import ChangeFeed
from application.ports.desired_configs import DesiredConfigs
from application.ports.inventory import Asset, AssetFilter, AssetRepository, GroupRepository
from application.ports.latest_values import LastContact, LatestValues
from application.ports.registry import RegistryTransaction
from devices.kind import interval_s
from devices.kind_catalog import KindCatalog
from devices.messages import EventSeverity
from devices.time_us import rfc3339

MOST: Final = 20_000
_SMALL: Final = 4_096
router = APIRouter(prefix="/city", tags=["devices"])


class CityDevice(BaseModel):
    """One device in short."""

    id: str
    kind: str
    name: str
    lat: float | None
    lon: float | None
    status: str | None
    """Null: it never said one."""
    last_seen_at: TimeOut | None
    silent_after_s: float
    """Not heard for so long, it is silent."""
    worst: EventSeverity | None
    """Of its open alarms that are not shelved."""
    alarms: int


class CityGroup(BaseModel):
    """A group and its members."""

    id: str
    kind: str
    name: str
    members: list[str]


class CitySummary(BaseModel):
    """A town in short. `change_id`: where `/stream?after=` goes on; `more`: there are devices beyond the limit."""

    at: TimeOut
    change_id: int
    more: bool
    items: list[CityDevice]
    groups: list[CityGroup]


_ANSWER: dict[int | str, dict[str, Any]] = {200: {"model": CitySummary}}


@router.get("", response_class=Response, responses=_ANSWER)
async def get_city(
    who: Who,
    services: Use,
    question: Ask,
    kind: Annotated[str | None, Query(max_length=64)] = None,
    accept_encoding: Annotated[str, Header(max_length=200)] = "",
) -> Response:
    """Show all devices with place, connection and alarms, at most 20,000, in order of id."""
    return await question.answer(lambda _: _city(who, services, kind, accept_encoding), rows=0)


def _city(who: Actor, services: Services, kind: str | None, accept_encoding: str) -> Response:
    visible = authorization.visible_things(who, services.catalog, kind)
    now_us = services.now_us()
    with services.registry.read() as tx:
        change_id = tx.get(ChangeFeed).newest()
        items, more = _things(tx, who, visible, services.catalog, now_us)
        groups = tx.get(GroupRepository).list(who.tenants(), visible.kinds, visible.groups)
    shown = [{"id": g.group_id, "kind": g.kind, "name": g.name, "members": list(g.members)} for g in groups]
    body = {"at": rfc3339(now_us), "change_id": change_id, "more": more, "items": items, "groups": shown}
    return _sent(to_json(body), accept_encoding)


def _things(
    tx: RegistryTransaction, who: Actor, visible: authorization.VisibleThings, catalog: KindCatalog, now_us: int
) -> tuple[list[dict[str, Any]], bool]:
    which = AssetFilter(kinds=visible.kinds, also=visible.assets, tenant_ids=who.tenants())
    found = tx.get(AssetRepository).find(which, MOST)
    heard = tx.get(LatestValues).heard(visible.kinds, who.tenants(), visible.assets)
    worst = tx.get(AlarmRepository).worst_of_open(
        now_us, tenant_ids=who.tenants(), kinds=visible.kinds, also=visible.assets
    )
    silent = _silent_after_s(tx, found.items, catalog)
    return [_thing(a, heard.get(a.asset_id), worst, silent) for a in found.items], found.next_cursor is not None


def _silent_after_s(tx: RegistryTransaction, assets: Sequence[Asset], catalog: KindCatalog) -> Mapping[str, float]:
    told = tx.get(DesiredConfigs).reporting_intervals_s([a.asset_id for a in assets])
    after = {}
    for asset in assets:
        limits = catalog[asset.kind].limits
        given = told.get(asset.asset_id), asset.attributes.get("reporting_interval_s")
        after[asset.asset_id] = interval_s(limits.reporting_interval_s, *given) * limits.silent_after_intervals
    return after


def _thing(
    asset: Asset, heard: LastContact | None, worst: Mapping[str, tuple[EventSeverity, int]], silent: Mapping[str, float]
) -> dict[str, Any]:
    severity, count = worst.get(asset.asset_id, (None, 0))
    return {
        "id": asset.asset_id,
        "kind": asset.kind,
        "name": asset.name,
        "lat": asset.lat,
        "lon": asset.lon,
        "status": heard.status if heard else None,
        "last_seen_at": rfc3339(heard.last_seen_us) if heard else None,
        "silent_after_s": silent[asset.asset_id],
        "worst": severity,
        "alarms": count,
    }


def _sent(content: bytes, accept_encoding: str) -> Response:
    headers = {"Vary": "Accept-Encoding"}
    if len(content) < _SMALL or "gzip" not in accept_encoding:
        return Response(content, media_type="application/json", headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(gzip.compress(content, 4), media_type="application/json", headers=headers)
