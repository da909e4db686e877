"""An event right now: used, peak, booked, provisioned and tested per area and service class."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from application.ports.latest_values import LatestValue
from devices.event_network.booking_breaches import BookingBreach, DirectionFigures, PathQuality, booking_breaches
from devices.event_network.city_event import Booking, CityEvent, MeasuredObject, TestedCapacity
from devices.event_network.enums import TrafficDirection
from devices.event_network.planning import line_names, objects_of, rate_of
from devices.event_network.rates import GAP_INTERVALS, RateQuality, RateStep, counter_readings, rate_steps
from devices.event_network.recent_samples import RecentSamples
from devices.event_network.rule_facts import interface_of
from devices.event_network.state import applied_profile
from devices.event_network.traffic import TrafficFlow, object_lineage, topmost_objects, traffic_shares
from devices.samples import Value
from devices.time_us import SECOND_US


@dataclass(frozen=True, slots=True)
class KnownNodes:
    """What the registry says of the event's nodes now."""

    recent: Sequence[RecentSamples] = ()
    latest: Sequence[LatestValue] = ()
    tests: Sequence[TestedCapacity] = ()
    saturated: Collection[tuple[str, str]] = ()
    """(asset_id, part) with an open alarm of saturation."""

    def state(self, asset_id: str) -> LatestValue | None:
        """What a node last said of its state."""
        return next((r for r in self.latest if (r.asset_id, r.channel) == (asset_id, "state")), None)


@dataclass(frozen=True, slots=True)
class ObjectNow:
    """One measured object now."""

    item: MeasuredObject
    flows: Mapping[TrafficDirection, TrafficFlow]
    """Users' directions; {} where nothing is known or the last sample is too old."""
    quality: RateQuality | None = None
    """Worse of both directions; None: no two samples, or silent."""
    sample_us: int | None = None
    speed_bps: int | None = None
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def observed(self) -> bool:
        """True where a rate is known in both directions."""
        return len(self.flows) == 2 and all(f.bps is not None for f in self.flows.values())


@dataclass(frozen=True, slots=True)
class LineDirection:
    """One direction of a line."""

    flow: TrafficFlow
    figures: DirectionFigures
    provisioned_us: int | None = None
    tested_us: int | None = None
    saturated: bool = False


@dataclass(frozen=True, slots=True)
class BookingLine:
    """One service class in one area."""

    area_id: str | None
    service_class: str
    booking: Booking | None
    directions: Mapping[TrafficDirection, LineDirection]
    objects: Sequence[ObjectNow]
    coverage_pct: float
    sample_us: int | None
    path: PathQuality
    breaches: Sequence[BookingBreach]


@dataclass(frozen=True, slots=True)
class AreaNow:
    """All that is used in one area (None: in no area), whatever the class."""

    area_id: str | None
    flows: Mapping[TrafficDirection, TrafficFlow]
    coverage_pct: float


@dataclass(frozen=True, slots=True)
class EventNow:
    """An event at one instant."""

    event: CityEvent
    now_us: int
    lines: Sequence[BookingLine]
    areas: Sequence[AreaNow]
    objects: Sequence[ObjectNow]
    total: AreaNow


def live_view(event: CityEvent, known: KnownNodes, now_us: int, *, interval_s: float) -> EventNow:
    """View of the event now; `interval_s` is the expected distance of samples."""
    serving = event.serving(now_us)
    recent = {(r.asset_id, r.part): r for r in known.recent}
    objects = [_object_now(o, recent.get((o.asset_id, o.part)), now_us, interval_s) for o in serving]
    view = _View(event, serving, {o.item.object_id: o for o in objects}, known, now_us)
    return EventNow(event, now_us, view.lines(), view.areas(), objects, view.total())


def _object_now(item: MeasuredObject, recent: RecentSamples | None, now_us: int, interval_s: float) -> ObjectNow:
    if recent is None or not recent.counted:
        return ObjectNow(item, {})
    samples, values = recent.samples(), recent.values(now_us)
    sample_us, speed = samples[-1][0], _number(values.get("speed_bps"))
    if now_us - sample_us > GAP_INTERVALS * interval_s * SECOND_US:
        return ObjectNow(item, {}, None, sample_us, speed)
    found: dict[TrafficDirection, RateStep] = {}
    for direction in TrafficDirection:
        each = list(rate_steps(counter_readings(samples, interface_of(item.down_is, direction)), interval_s))
        if each:
            found[direction] = each[-1]
    flows = {d: TrafficFlow(s.bps, s.peak_bps) for d, s in found.items()}
    return ObjectNow(item, flows, _worst(s.quality for s in found.values()), sample_us, speed, values)


class _View:
    """Sums over what was read."""

    def __init__(
        self,
        event: CityEvent,
        objects: Sequence[MeasuredObject],
        now: Mapping[str, ObjectNow],
        known: KnownNodes,
        now_us: int,
    ) -> None:
        self._event = event
        self._objects = objects
        self._now = now
        self._known = known
        self._now_us = now_us
        self._observed = {k for k, o in now.items() if o.observed}

    def lines(self) -> list[BookingLine]:
        """A line per booking, and one per area and class that is measured without being booked."""
        booked = {(b.area_id, b.service_class): b for b in self._event.bookings}
        return [self._line(*name, booked.get(name)) for name in line_names(self._event, self._objects)]

    def areas(self) -> list[AreaNow]:
        """Each area's own traffic; the areas sum up to the total."""
        named: list[str | None] = [a.area_id for a in self._event.areas]
        return [self._area(a) for a in (*named, None) if a or any(o.area_id is None for o in self._objects)]

    def total(self) -> AreaNow:
        """All traffic of the event."""
        return AreaNow(None, *self._flows({o.object_id for o in self._objects}))

    def _area(self, area_id: str | None) -> AreaNow:
        return AreaNow(area_id, *self._flows({o.object_id for o in self._objects if o.area_id == area_id}))

    def _flows(self, selected: Collection[str]) -> tuple[dict[TrafficDirection, TrafficFlow], float]:
        found = traffic_shares(self._objects, selected, self._observed)
        flows = {d: {k: self._now[k].flows[d] for k in self._observed} for d in TrafficDirection}
        return {d: found.total(flows[d]) for d in TrafficDirection}, found.coverage_pct

    def _line(self, area_id: str | None, service_class: str, booking: Booking | None) -> BookingLine:
        chosen = objects_of(booking or Booking("", service_class, area_id), self._objects, self._now_us)
        ids = {o.object_id for o in chosen}
        flows, coverage = self._flows(ids)
        top = topmost_objects(self._objects, ids)
        directions = {d: self._direction(d, flows[d], booking, top, service_class) for d in TrafficDirection}
        now = [self._now[o.object_id] for o in chosen]
        path = _path(now)
        down, up = (directions[d].figures for d in TrafficDirection)
        in_service = self._event.in_service(self._now_us)
        broken = booking_breaches(booking, down, up, path, in_service=in_service) if booking else []
        sample_us = min((o.sample_us for o in now if o.sample_us is not None), default=None)
        return BookingLine(area_id, service_class, booking, directions, now, coverage, sample_us, path, broken)

    def _direction(
        self,
        direction: TrafficDirection,
        flow: TrafficFlow,
        booking: Booking | None,
        top: Sequence[MeasuredObject],
        service_class: str,
    ) -> LineDirection:
        provisioned, provisioned_us = self._provisioned(direction, top, service_class)
        tested, tested_us = self._tested(direction, top)
        booked = rate_of(booking, direction) if booking else None
        figures = DirectionFigures(flow.bps, provisioned, tested, booked)
        saturated = any((o.asset_id, o.part) in self._known.saturated for o in top)
        return LineDirection(flow, figures, provisioned_us, tested_us, saturated and figures.full)

    def _provisioned(
        self, direction: TrafficDirection, top: Sequence[MeasuredObject], service_class: str
    ) -> tuple[float | None, int | None]:
        """Sum over nodes of the lower of profile in force and links' speed; None where one is unknown."""
        total, ages = 0.0, list[int]()
        for asset_id in {o.asset_id for o in top}:
            state = self._known.state(asset_id)
            applied = applied_profile(state.values if state else {})
            profile = applied.get(f"{service_class}_{direction}_bps")
            speeds = [self._now[o.object_id].speed_bps for o in top if o.asset_id == asset_id]
            speed = sum(s or 0 for s in speeds) if all(speeds) else None
            limits = [v for v in (profile, speed) if v is not None]
            if not limits:
                return None, None
            total += min(limits)
            ages += [state.ts_us] if state and profile is not None else []
        return (total, min(ages, default=None)) if top else (None, None)

    def _tested(self, direction: TrafficDirection, top: Sequence[MeasuredObject]) -> tuple[float | None, int | None]:
        """Newest tests of the line's objects, or of the nearest tested link above them; None where one has none."""
        tests = {(t.asset_id, t.part): t for t in self._known.tests if t.direction == direction}
        used: dict[tuple[str, str], TestedCapacity] = {}
        for item in top:
            above = [(o.asset_id, o.part) for o in object_lineage(item.object_id, self._objects)]
            nearest = next((k for k in above if k in tests), None)
            if nearest is None:
                return None, None
            used[nearest] = tests[nearest]
        if not used:
            return None, None
        return float(sum(t.result_bps for t in used.values())), min(t.at_us for t in used.values())


def _path(objects: Iterable[ObjectNow]) -> PathQuality:
    values = [o.values for o in objects]
    return PathQuality(
        _most(values, "loss_pct"),
        _most(values, "rtt_ms_avg"),
        _most(values, "jitter_ms"),
        down=any(v.get("oper_status") in {"DOWN", "LOWER_LAYER_DOWN", "NOT_PRESENT"} for v in values),
    )


def _most(values: Iterable[Mapping[str, Value]], name: str) -> float | None:
    return max((float(v[name]) for v in values if name in v), default=None)


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _worst(qualities: Iterable[RateQuality]) -> RateQuality | None:
    order = list(RateQuality)
    return max(qualities, key=order.index, default=None)
