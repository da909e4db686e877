"""The live view as the API shows it. Rates are bit/s, volumes bytes; null is unknown, never zero."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel

from api.time_parameters import TimeOut, age_s
from application.kinds.event_network.live_view import AreaNow, BookingLine, EventNow, LineDirection, ObjectNow
from application.privacy.small_counts import shown_count
from devices.event_network.booking_breaches import BookingBreach
from devices.event_network.enums import TrafficDirection
from devices.event_network.traffic import TrafficFlow

"""Counts of people's devices below are not told exactly."""


class FlowShown(BaseModel):
    """Rate now, and the highest second since the sample before: a sum of peaks is a bound, of a difference null."""

    used_bps: float | None
    peak_1s_bps: float | None
    peak_is_upper_bound: bool


class DirectionShown(FlowShown):
    """Used, booked, provisioned and tested, with ages. `saturated`: 95 % of booked for five minutes, a hint."""

    booked_bps: float | None
    provisioned_bps: float | None
    provisioned_age_s: float | None
    tested_bps: float | None
    tested_age_s: float | None
    full: bool
    saturated: bool


class BreachShown(BaseModel):
    """A broken promise: found against promised, in bit/s, percent or milliseconds as the reason says."""

    reason: str
    direction: str | None
    found: float | None
    promised: float | None


class LineShown(BaseModel):
    """One service class in one area; `sample_age_s` is that of the oldest newest sample."""

    area_id: str | None
    area: str | None
    service_class: str
    booking_id: str | None
    booking_kind: str | None
    down: DirectionShown
    up: DirectionShown
    sample_age_s: float | None
    coverage_pct: float
    quality: list[str]
    loss_pct: float | None
    rtt_ms: float | None
    jitter_ms: float | None
    link_down: bool
    breaches: list[BreachShown]
    objects: list[str]


class AreaShown(BaseModel):
    """All that is used in one area, or at the whole event."""

    area_id: str | None
    area: str | None
    down: FlowShown
    up: FlowShown
    coverage_pct: float


class ObjectLive(BaseModel):
    """One measured object; `quality` null: silent, or no two samples yet."""

    id: str
    device_id: str
    part: str
    parent_id: str | None
    down: FlowShown
    up: FlowShown
    quality: str | None
    sample_age_s: float | None
    speed_bps: int | None
    oper_status: str | None
    wifi_clients: int | Literal["<5"] | None


class LiveEvent(BaseModel):
    """An event now."""

    event_id: str
    name: str
    state: str
    at: TimeOut
    in_service: bool
    total: AreaShown
    areas: list[AreaShown]
    lines: list[LineShown]
    objects: list[ObjectLive]


def live_schema(now: EventNow) -> LiveEvent:
    """Show the view."""
    names = {a.area_id: a.name for a in now.event.areas}
    return LiveEvent(
        event_id=now.event.event_id,
        name=now.event.name,
        state=now.event.state,
        at=now.now_us,
        in_service=now.event.in_service(now.now_us),
        total=_area(now.total, names),
        areas=[_area(a, names) for a in now.areas],
        lines=[_line(line, names, now.now_us) for line in now.lines],
        objects=[_object(o, now.now_us) for o in now.objects],
    )


def _flow(flow: TrafficFlow | None) -> FlowShown:
    found = flow or TrafficFlow()
    return FlowShown(
        used_bps=_rate(found.bps), peak_1s_bps=_rate(found.peak_bps), peak_is_upper_bound=found.peak_is_bound
    )


def _rate(bps: float | None) -> float | None:
    return None if bps is None else round(bps, 1)


def _age(at_us: int | None, now_us: int) -> float | None:
    return None if at_us is None else age_s(at_us, now_us)


def _area(area: AreaNow, names: Mapping[str, str]) -> AreaShown:
    return AreaShown(
        area_id=area.area_id,
        area=names.get(area.area_id or ""),
        down=_flow(area.flows.get(TrafficDirection.DOWN)),
        up=_flow(area.flows.get(TrafficDirection.UP)),
        coverage_pct=area.coverage_pct,
    )


def _direction(found: LineDirection, now_us: int) -> DirectionShown:
    figures = found.figures
    return DirectionShown(
        **_flow(found.flow).model_dump(),
        booked_bps=figures.booked_bps,
        provisioned_bps=figures.provisioned_bps,
        provisioned_age_s=_age(found.provisioned_us, now_us),
        tested_bps=figures.tested_bps,
        tested_age_s=_age(found.tested_us, now_us),
        full=figures.full,
        saturated=found.saturated,
    )


def _line(line: BookingLine, names: Mapping[str, str], now_us: int) -> LineShown:
    return LineShown(
        area_id=line.area_id,
        area=names.get(line.area_id or ""),
        service_class=line.service_class,
        booking_id=line.booking.booking_id if line.booking else None,
        booking_kind=line.booking.kind if line.booking else None,
        down=_direction(line.directions[TrafficDirection.DOWN], now_us),
        up=_direction(line.directions[TrafficDirection.UP], now_us),
        sample_age_s=_age(line.sample_us, now_us),
        coverage_pct=line.coverage_pct,
        quality=sorted({o.quality for o in line.objects if o.quality}),
        loss_pct=line.path.loss_pct,
        rtt_ms=line.path.rtt_ms,
        jitter_ms=line.path.jitter_ms,
        link_down=line.path.down,
        breaches=[_breach(b) for b in line.breaches],
        objects=[o.item.object_id for o in line.objects],
    )


def _breach(breach: BookingBreach) -> BreachShown:
    return BreachShown(
        reason=breach.reason, direction=breach.direction, found=_rate(breach.found), promised=breach.promised
    )


def _object(found: ObjectNow, now_us: int) -> ObjectLive:
    status, clients = found.values.get("oper_status"), found.values.get("wifi_clients")
    return ObjectLive(
        id=found.item.object_id,
        device_id=found.item.asset_id,
        part=found.item.part,
        parent_id=found.item.parent_id,
        down=_flow(found.flows.get(TrafficDirection.DOWN)),
        up=_flow(found.flows.get(TrafficDirection.UP)),
        quality=found.quality,
        sample_age_s=_age(found.sample_us, now_us),
        speed_bps=found.speed_bps,
        oper_status=None if status is None else str(status),
        wifi_clients=None if clients is None else shown_count(clients),
    )
