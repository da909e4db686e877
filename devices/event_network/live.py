"""An event right now: used, peak, booked, provisioned and tested per area and service class."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from devices.event_network.bookings import Breach, Figures, Path, breaches
from devices.event_network.city_event import Booking, CityEvent, MeasuredObject, TestedCapacity
from devices.event_network.classes import Direction
from devices.event_network.facts import interface_of
from devices.event_network.planning import line_names, objects_of, rate_of
from devices.event_network.rates import GAP_INTERVALS, Quality, Step, readings, steps
from devices.event_network.traffic import Flow, lineage, shares, tops
from devices.instants import MINUTE_US, SECOND_US
from devices.ports.current import Latest
from devices.ports.telemetry import Row, TelemetryReader
from devices.samples import SeriesKey, Value

KIND_NAME = "event_network"
SELDOM = ("counter_bits", "speed_bps")
"""Sent on change and every few minutes."""
FIELDS = (
    *("boot_id", "in_octets", "in_octets_high", "in_bps_max_1s", "out_octets", "out_octets_high", "out_bps_max_1s"),
    *SELDOM,
    *("last_clear", "oper_status", "loss_pct", "rtt_ms_avg", "jitter_ms", "wifi_clients"),
)
BACK_INTERVALS = 10
"""Read so far back: with a sample every 10 s that holds what is sent every 60 s."""
SELDOM_BACK_US = 15 * MINUTE_US
WORKERS = 8


@dataclass(frozen=True, slots=True)
class Known:
    """What the registry says of the event's nodes now."""

    latest: Sequence[Latest]
    tests: Sequence[TestedCapacity]
    saturated: Collection[tuple[str, str]] = ()
    """(asset_id, part) with an open alarm of saturation."""

    def values(self, asset_id: str, channel: str, part: str = "") -> Latest | None:
        """Newest values of one channel and part."""
        found = (r for r in self.latest if (r.asset_id, r.channel, r.part) == (asset_id, channel, part))
        return next(found, None)


@dataclass(frozen=True, slots=True)
class ObjectNow:
    """One measured object now."""

    item: MeasuredObject
    flows: Mapping[Direction, Flow]
    """Users' directions; {} where nothing is known or the last sample is too old."""
    quality: Quality | None = None
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

    flow: Flow
    figures: Figures
    provisioned_us: int | None = None
    tested_us: int | None = None
    saturated: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One service class in one area."""

    area_id: str | None
    service_class: str
    booking: Booking | None
    directions: Mapping[Direction, LineDirection]
    objects: Sequence[ObjectNow]
    coverage_pct: float
    sample_us: int | None
    path: Path
    breaches: Sequence[Breach]


@dataclass(frozen=True, slots=True)
class AreaNow:
    """All that is used in one area (None: in no area), whatever the class."""

    area_id: str | None
    flows: Mapping[Direction, Flow]
    coverage_pct: float


@dataclass(frozen=True, slots=True)
class EventNow:
    """An event at one instant."""

    event: CityEvent
    now_us: int
    lines: Sequence[Line]
    areas: Sequence[AreaNow]
    objects: Sequence[ObjectNow]
    total: AreaNow


class LiveView:
    """Composes the view; reads the newest samples of all objects at once with a bounded number of threads."""

    def __init__(self, reader: TelemetryReader, *, interval_s: float) -> None:
        self._reader = reader
        self._interval_s = interval_s

    def at(self, event: CityEvent, known: Known, now_us: int) -> EventNow:
        """View of the event now. Raises StoreUnavailable."""
        serving = event.serving(now_us)
        rows = self._newest(serving, now_us)
        objects = [self._object(o, rows[o.object_id], known, now_us) for o in serving]
        view = _View(event, serving, {o.item.object_id: o for o in objects}, known, now_us)
        return EventNow(event, now_us, view.lines(), view.areas(), objects, view.total())

    def _newest(self, objects: Sequence[MeasuredObject], now_us: int) -> dict[str, list[Row]]:
        def read(item: MeasuredObject) -> list[Row]:
            key = SeriesKey(item.asset_id, KIND_NAME, part=item.part)
            back_us = round(BACK_INTERVALS * self._interval_s * SECOND_US)
            rows = list(self._reader.rows(key, now_us - back_us, now_us + MINUTE_US, fields=FIELDS))
            if not rows or any("speed_bps" in r.values for r in rows):
                return rows
            before = self._reader.rows(key, now_us - SELDOM_BACK_US, now_us - back_us, fields=SELDOM)
            return [*before, *rows]

        with ThreadPoolExecutor(WORKERS, "live") as pool:
            return {o.object_id: r for o, r in zip(objects, pool.map(read, objects), strict=True)}

    def _object(self, item: MeasuredObject, rows: Sequence[Row], known: Known, now_us: int) -> ObjectNow:
        values: dict[str, Value] = {}
        for row in rows:
            values.update(row.values)
        speed = _number(values.get("speed_bps"))
        samples = [(r.ts_us, r.values) for r in rows]
        last = {d: self._last(samples, interface_of(item.down_is, d)) for d in Direction}
        found = {d: s for d, s in last.items() if s}
        latest = known.values(item.asset_id, "telemetry", item.part)
        sample_us = max((s.to_us for s in found.values()), default=latest.ts_us if latest else None)
        if sample_us is None or now_us - sample_us > GAP_INTERVALS * self._interval_s * SECOND_US:
            return ObjectNow(item, {}, None, sample_us, speed)
        flows = {d: Flow(s.bps, s.peak_bps) for d, s in found.items()}
        return ObjectNow(item, flows, _worst(s.quality for s in found.values()), sample_us, speed, values)

    def _last(self, samples: Sequence[tuple[int, Mapping[str, Value]]], direction: str) -> Step | None:
        found = list(steps(readings(samples, direction), self._interval_s))
        return found[-1] if found else None


class _View:
    """Sums over what was read."""

    def __init__(
        self,
        event: CityEvent,
        objects: Sequence[MeasuredObject],
        now: Mapping[str, ObjectNow],
        known: Known,
        now_us: int,
    ) -> None:
        self._event = event
        self._objects = objects
        self._now = now
        self._known = known
        self._now_us = now_us
        self._observed = {k for k, o in now.items() if o.observed}

    def lines(self) -> list[Line]:
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

    def _flows(self, selected: Collection[str]) -> tuple[dict[Direction, Flow], float]:
        found = shares(self._objects, selected, self._observed)
        flows = {d: {k: self._now[k].flows[d] for k in self._observed} for d in Direction}
        return {d: found.total(flows[d]) for d in Direction}, found.coverage_pct

    def _line(self, area_id: str | None, service_class: str, booking: Booking | None) -> Line:
        chosen = objects_of(booking or Booking("", service_class, area_id), self._objects, self._now_us)
        ids = {o.object_id for o in chosen}
        flows, coverage = self._flows(ids)
        top = tops(self._objects, ids)
        directions = {d: self._direction(d, flows[d], booking, top, service_class) for d in Direction}
        now = [self._now[o.object_id] for o in chosen]
        path = _path(now)
        down, up = (directions[d].figures for d in Direction)
        in_service = self._event.in_service(self._now_us)
        broken = breaches(booking, down, up, path, in_service=in_service) if booking else []
        sample_us = min((o.sample_us for o in now if o.sample_us is not None), default=None)
        return Line(area_id, service_class, booking, directions, now, coverage, sample_us, path, broken)

    def _direction(
        self,
        direction: Direction,
        flow: Flow,
        booking: Booking | None,
        top: Sequence[MeasuredObject],
        service_class: str,
    ) -> LineDirection:
        provisioned, provisioned_us = self._provisioned(direction, top, service_class)
        tested, tested_us = self._tested(direction, top)
        booked = rate_of(booking, direction) if booking else None
        figures = Figures(flow.bps, provisioned, tested, booked)
        saturated = any((o.asset_id, o.part) in self._known.saturated for o in top)
        return LineDirection(flow, figures, provisioned_us, tested_us, saturated and figures.full)

    def _provisioned(
        self, direction: Direction, top: Sequence[MeasuredObject], service_class: str
    ) -> tuple[float | None, int | None]:
        """Sum over nodes of the lower of profile in force and links' speed; None where one is unknown."""
        total, oldest = 0.0, self._now_us
        for asset_id in {o.asset_id for o in top}:
            state = self._known.values(asset_id, "state")
            applied: Any = state.values.get("applied") if state else None
            profile = applied.get(f"{service_class}_{direction}_bps") if isinstance(applied, Mapping) else None
            speeds = [self._now[o.object_id].speed_bps for o in top if o.asset_id == asset_id]
            speed = sum(s or 0 for s in speeds) if all(speeds) else None
            limits = [v for v in (profile, speed) if v is not None]
            if not limits:
                return None, None
            total += min(limits)
            oldest = min(oldest, state.ts_us) if state and profile is not None else oldest
        return (total, oldest) if top else (None, None)

    def _tested(self, direction: Direction, top: Sequence[MeasuredObject]) -> tuple[float | None, int | None]:
        """Newest tests of the line's objects, or of the nearest tested link above them; None where one has none."""
        tests = {(t.asset_id, t.part): t for t in self._known.tests if t.direction == direction}
        used: dict[tuple[str, str], TestedCapacity] = {}
        for item in top:
            above = [(o.asset_id, o.part) for o in lineage(item.object_id, self._objects)]
            nearest = next((k for k in above if k in tests), None)
            if nearest is None:
                return None, None
            used[nearest] = tests[nearest]
        if not used:
            return None, None
        return float(sum(t.result_bps for t in used.values())), min(t.at_us for t in used.values())


def _path(objects: Iterable[ObjectNow]) -> Path:
    values = [o.values for o in objects]
    return Path(
        _most(values, "loss_pct"),
        _most(values, "rtt_ms_avg"),
        _most(values, "jitter_ms"),
        down=any(v.get("oper_status") in {"DOWN", "LOWER_LAYER_DOWN", "NOT_PRESENT"} for v in values),
    )


def _most(values: Iterable[Mapping[str, Value]], name: str) -> float | None:
    return max((float(v[name]) for v in values if name in v), default=None)


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _worst(qualities: Iterable[Quality]) -> Quality | None:
    order = list(Quality)
    return max(qualities, key=order.index, default=None)
