"""Drones and where they are."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any, Final

from fastapi import APIRouter
from pydantic import BaseModel

from api.fields import IdInPath
from api.kinds.fire_drone.access import KIND, Brigade, drone_of
from api.paging import ItemPage, PageWanted
from api.query_admission import Ask
from api.services import Services, Use
from api.time_parameters import TimeOut, age_s
from application.access.actor import Actor
from application.kinds.fire_drone.ports import FlightBook, FlightRecord
from application.ports.inventory import Asset, AssetFilter, AssetRepository
from application.ports.latest_values import LatestValue, LatestValues
from application.ports.telemetry import TelemetryReader
from application.telemetry.query_budget import QueryBudget
from devices.errors import NotFound
from devices.samples import SeriesKey
from devices.time_us import DAY_US, HOUR_US

STALE_S: Final = 5.0
OFFLINE_S: Final = 15.0
_POSITION: Final = (
    "lat",
    "lon",
    "fix",
    "h_acc_m",
    "altitude_amsl_m",
    "altitude_ellipsoid_m",
    "altitude_rel_m",
    "height_agl_m",
    "ground_speed_ms",
    "vertical_speed_ms",
    "heading_deg",
    "course_deg",
)

router = APIRouter()


class LinkFreshness(StrEnum):
    """How fresh the newest sample is: live up to 5 s, stale up to 15 s, then offline."""

    LIVE = "live"
    STALE = "stale"
    OFFLINE = "offline"
    NEVER = "never_heard"


class PositionOut(BaseModel):
    """A position with its own time: it may be older than the newest sample. Absent altitudes are not known."""

    ts: TimeOut
    age_s: float
    lat: float
    lon: float
    fix: str | None = None
    h_acc_m: float | None = None
    altitude_amsl_m: float | None = None
    altitude_ellipsoid_m: float | None = None
    altitude_rel_m: float | None = None
    height_agl_m: float | None = None
    ground_speed_ms: float | None = None
    vertical_speed_ms: float | None = None
    heading_deg: float | None = None
    course_deg: float | None = None


class DroneOut(BaseModel):
    """A drone as last heard; `age_s` is the age of the newest sample."""

    id: str
    name: str
    tenant_id: str
    link: LinkFreshness
    ts: TimeOut | None
    age_s: float | None
    flight_state: str | None
    armed: bool | None
    battery_pct: float | None
    battery_voltage_v: float | None
    position: PositionOut | None
    flight_id: str | None
    """The flight that goes on."""


@router.get("/drones")
def list_drones(who: Brigade, services: Use, page: PageWanted) -> ItemPage[DroneOut]:
    """List drones in order of id, each as last heard."""
    with services.registry.read() as tx:
        which = AssetFilter(kinds={KIND}, tenant_ids=who.tenants())
        found = tx.get(AssetRepository).find(which, page.limit, page.cursor)
        newest = _newest(tx.get(LatestValues).of_assets([asset.asset_id for asset in found.items]))
        flights = _by_drone(tx.get(FlightBook).airborne())
    now_us = services.now_us()
    items = [_drone(asset, newest.get(asset.asset_id), flights, now_us) for asset in found.items]
    return ItemPage[DroneOut](items=items, next_cursor=found.next_cursor)


@router.get("/drones/{drone_id}")
def get_drone(drone_id: IdInPath, who: Brigade, services: Use) -> DroneOut:
    """Return one drone as last heard."""
    with services.registry.read() as tx:
        asset = drone_of(tx, who, drone_id)
        newest = _newest(tx.get(LatestValues).of_assets([drone_id]))
        flights = _by_drone(tx.get(FlightBook).airborne())
    return _drone(asset, newest.get(drone_id), flights, services.now_us())


@router.get("/drones/{drone_id}/position")
async def get_position(drone_id: IdInPath, who: Brigade, services: Use, question: Ask) -> PositionOut:
    """Return the last known position with its age, from the last day; 404 when there is none."""
    return await question.answer(partial(_position_of, drone_id, who, services), rows=0)


def _position_of(drone_id: str, who: Actor, services: Services, budget: QueryBudget) -> PositionOut:
    with services.registry.read() as tx:
        drone_of(tx, who, drone_id)
        newest = _newest(tx.get(LatestValues).of_assets([drone_id])).get(drone_id)
    now_us = services.now_us()
    known = None if newest is None else _position(newest.ts_us, newest.values, now_us)
    known = known or _last_known(services.reader.within(budget), drone_id, now_us)
    if known is None:
        raise NotFound("no position is known")
    return known


def _last_known(reader: TelemetryReader, drone_id: str, now_us: int) -> PositionOut | None:
    rows = reader.rows(
        SeriesKey(drone_id, KIND), now_us - DAY_US, now_us + HOUR_US, fields=_POSITION, newest_first=True
    )
    found = (_position(row.ts_us, row.values, now_us) for row in rows)
    return next((position for position in found if position), None)


def _newest(rows: Sequence[LatestValue]) -> dict[str, LatestValue]:
    return {row.asset_id: row for row in rows if row.channel == "telemetry" and not row.part}


def _by_drone(flights: Sequence[FlightRecord]) -> dict[str, str]:
    return {flight.asset_id: flight.flight_id for flight in flights}


def _drone(asset: Asset, newest: LatestValue | None, flights: Mapping[str, str], now_us: int) -> DroneOut:
    values: Mapping[str, Any] = newest.values if newest else {}
    age = None if newest is None else age_s(newest.ts_us, now_us)
    return DroneOut(
        id=asset.asset_id,
        name=asset.name,
        tenant_id=asset.tenant_id,
        link=_link(age),
        ts=newest.ts_us if newest else None,
        age_s=age,
        flight_state=values.get("flight_state"),
        armed=values.get("armed"),
        battery_pct=values.get("battery_pct"),
        battery_voltage_v=values.get("battery_voltage_v"),
        position=_position(newest.ts_us, values, now_us) if newest else None,
        flight_id=flights.get(asset.asset_id),
    )


def _link(age: float | None) -> LinkFreshness:
    if age is None:
        return LinkFreshness.NEVER
    if age > OFFLINE_S:
        return LinkFreshness.OFFLINE
    return LinkFreshness.STALE if age > STALE_S else LinkFreshness.LIVE


def _position(ts_us: int, values: Mapping[str, Any], now_us: int) -> PositionOut | None:
    if "lat" not in values or "lon" not in values:
        return None
    known = {name: values[name] for name in _POSITION if name in values}
    return PositionOut(ts=ts_us, age_s=age_s(ts_us, now_us), **known)
