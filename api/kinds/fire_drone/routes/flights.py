"""The flight book."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.fields import ID, RecordInPath
from api.kinds.fire_drone.access import Brigade, flight_of
from api.paging import ItemPage, PageWanted, page_of
from api.services import Use
from api.time_parameters import TimeIn, TimeOut
from application.kinds.fire_drone.ports import FlightBook, FlightFilter, FlightRecord
from devices.fire_drone.flights.flight import (
    DetectedFlight,
    FlightFigures,
    FlightFlag,
    FlightPosition,
    FlightQuality,
    FlightStatus,
)

router = APIRouter()


class GapOut(BaseModel):
    """Over 15 s without a sample; `straight_m` is not flown distance."""

    from_: Annotated[TimeOut, Field(serialization_alias="from")]
    until: TimeOut
    duration_s: float
    straight_m: float | None


class QualityOut(BaseModel):
    """How good a flight's data are; see the field descriptions of the flight book."""

    samples: int
    expected_samples: int
    interval_s: float | None
    gaps: list[GapOut]
    longest_gap_s: float
    total_gap_s: float
    stale_intervals: int
    conflicts: int
    out_of_order: int
    implausible_positions: int
    no_3d_fix_share: float | None
    delay_min_s: float | None
    delay_max_s: float | None


class FlightOut(BaseModel):
    """An entry of the flight book; a landing nobody saw lies between `last_airborne` and `landing_latest`."""

    id: str
    drone_id: str
    tenant_id: str
    number: int
    source: str
    status: FlightStatus
    takeoff: TimeOut
    takeoff_earliest: TimeOut | None
    last_airborne: TimeOut
    landing: TimeOut | None
    landing_latest: TimeOut | None
    armed: TimeOut | None
    disarmed: TimeOut | None
    duration_s: float
    airborne_s: float
    landings: int
    takeoff_place: FlightPosition | None
    landing_place: FlightPosition | None
    flags: list[FlightFlag]
    figures: FlightFigures
    quality: QualityOut
    drone: dict[str, str]
    recorded: TimeOut


class FlightLine(BaseModel):
    """A flight in a list."""

    id: str
    drone_id: str
    number: int
    status: FlightStatus
    takeoff: TimeOut
    landing: TimeOut | None
    duration_s: float
    landings: int
    distance_m: float
    altitude_rel_max_m: float | None
    flags: list[FlightFlag]


@router.get("/flights")
def list_flights(
    who: Brigade,
    services: Use,
    page: PageWanted,
    *,
    drone: Annotated[str | None, Query(pattern=ID, description="Only flights of this drone.")] = None,
    from_: Annotated[TimeIn | None, Query(alias="from", description="Take-off at or after this.")] = None,
    to: Annotated[TimeIn | None, Query(description="Take-off before this.")] = None,
    min_duration_s: Annotated[
        float | None, Query(ge=0, allow_inf_nan=False, description="At least so long, in seconds.")
    ] = None,
    status: Annotated[FlightStatus | None, Query(description="Only flights that stand like this.")] = None,
) -> ItemPage[FlightLine]:
    """List flights, newest take-off first."""
    which = FlightFilter(who.tenants(), drone, from_, to, min_duration_s, status.value if status else None)
    with services.registry.read() as tx:
        return page_of(tx.get(FlightBook).find(which, page.limit, page.cursor), _line)


@router.get("/flights/{flight_id}")
def get_flight(flight_id: RecordInPath, who: Brigade, services: Use) -> FlightOut:
    """Return one flight with its figures and the quality of its data."""
    with services.registry.read() as tx:
        return flight_schema(flight_of(tx, who, flight_id))


def flight_schema(flight: FlightRecord) -> FlightOut:
    """Return the flight as the API shows it."""
    found = flight.detected
    return FlightOut(
        id=flight.flight_id,
        drone_id=flight.asset_id,
        tenant_id=flight.tenant_id,
        number=flight.number,
        source=flight.source,
        status=found.status,
        takeoff=found.takeoff_us,
        takeoff_earliest=found.takeoff_earliest_us,
        last_airborne=found.last_airborne_us,
        landing=found.landing_us,
        landing_latest=found.landing_latest_us,
        armed=found.armed_us,
        disarmed=found.disarmed_us,
        duration_s=found.duration_s,
        airborne_s=found.airborne_s,
        landings=found.landings,
        takeoff_place=found.takeoff_place,
        landing_place=found.landing_place,
        flags=list(found.flags),
        figures=found.figures,
        quality=_quality(found.quality),
        drone=dict(flight.drone),
        recorded=flight.recorded_us,
    )


def _line(flight: FlightRecord) -> FlightLine:
    found: DetectedFlight = flight.detected
    return FlightLine(
        id=flight.flight_id,
        drone_id=flight.asset_id,
        number=flight.number,
        status=found.status,
        takeoff=found.takeoff_us,
        landing=found.landing_us,
        duration_s=found.duration_s,
        landings=found.landings,
        distance_m=found.figures.distance_m,
        altitude_rel_max_m=found.figures.altitude_rel_max_m,
        flags=list(found.flags),
    )


def _quality(quality: FlightQuality) -> QualityOut:
    gaps = [
        GapOut(from_=gap.from_us, until=gap.until_us, duration_s=gap.duration_s, straight_m=gap.straight_m)
        for gap in quality.gaps
    ]
    plain: Mapping[str, object] = {name: getattr(quality, name) for name in QualityOut.model_fields if name != "gaps"}
    return QualityOut.model_validate({**plain, "gaps": gaps})
