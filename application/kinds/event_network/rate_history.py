"""Rate over time per area and service class, from stored counters."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

from application.ports.telemetry import TelemetryReader
from devices.errors import Invalid
from devices.event_network.city_event import Booking, CityEvent, MeasuredObject
from devices.event_network.enums import TrafficDirection
from devices.event_network.planning import line_names, objects_of
from devices.event_network.rate_buckets import RateBucket, rate_buckets
from devices.event_network.rates import RateQuality, counter_readings, rate_steps
from devices.event_network.recent_samples import COUNTED, SETTLED
from devices.event_network.rule_facts import interface_of
from devices.event_network.traffic import TrafficShares, traffic_shares
from devices.samples import SeriesKey
from devices.time_us import MINUTE_US, SECOND_US

FIELDS = (*COUNTED, *SETTLED)
MOST_SAMPLES = 500_000
"""Bound of one question: 40 objects for a day and a half at one sample every 10 s."""
BEFORE_US = 6 * MINUTE_US
"""Read so much earlier: what is sent on change also comes every five minutes."""
WORKERS = 4
Buckets = Mapping[str, Sequence[RateBucket]]


@dataclass(frozen=True, slots=True)
class RatePoint:
    """One bucket of one direction; `mean_bps` None is a gap. `peak_is_bound`: the true peak is at most `max_bps`."""

    octets: int
    mean_bps: float | None
    max_bps: float | None
    peak_is_bound: bool
    quality: frozenset[RateQuality]

    @property
    def volume_bytes(self) -> int | None:
        """Octets as people read them: None in a gap, which is not nothing."""
        return self.octets if self.quality else None


@dataclass(frozen=True, slots=True)
class LineHistory:
    """Points of one service class in one area, by users' direction."""

    area_id: str | None
    service_class: str
    points: Mapping[TrafficDirection, Sequence[RatePoint]]


@dataclass(frozen=True, slots=True)
class EventHistory:
    """Starts of the buckets, and the lines."""

    starts_us: Sequence[int]
    width_us: int
    lines: Sequence[LineHistory]


class RateHistory:
    """Reads raw samples and derives rates; a bit counts once as in the live view."""

    def __init__(self, reader: TelemetryReader, *, interval_s: float) -> None:
        self._reader = reader
        self._interval_s = interval_s

    def of(self, event: CityEvent, from_us: int, to_us: int, width_us: int) -> EventHistory:
        """Buckets of [from_us, to_us), aligned to 1970. Raises Invalid when too much is asked for, StoreUnavailable."""
        samples = len(event.objects) * (to_us - from_us) / (self._interval_s * SECOND_US)
        if samples > MOST_SAMPLES:
            raise Invalid(
                "event_network.too_many_samples", most=MOST_SAMPLES, samples=round(samples), field="query.from"
            )

        def read(item: MeasuredObject) -> dict[TrafficDirection, Sequence[RateBucket]]:
            return self._read(event, item, (from_us, to_us), width_us)

        with ThreadPoolExecutor(WORKERS, "history") as pool:
            found = list(zip(event.objects, pool.map(read, event.objects), strict=True))
        by_direction = {d: {o.object_id: buckets[d] for o, buckets in found} for d in TrafficDirection}
        starts = list(range(from_us - from_us % width_us, to_us, width_us))
        return EventHistory(starts, width_us, [_line(event, n, by_direction, starts) for n in _names(event)])

    def _read(
        self, event: CityEvent, item: MeasuredObject, span: tuple[int, int], width_us: int
    ) -> dict[TrafficDirection, Sequence[RateBucket]]:
        start, end = event.span(item)
        key = SeriesKey(item.asset_id, "event_network", part=item.part)
        begin = max(span[0] - BEFORE_US, start)
        until = min(span[1] + width_us, end)
        rows = list(self._reader.rows(key, begin, until, fields=FIELDS)) if begin < until else []
        samples = [(r.ts_us, r.values) for r in rows]
        found = {
            d: rate_steps(counter_readings(samples, interface_of(item.down_is, d)), self._interval_s)
            for d in TrafficDirection
        }
        return {d: rate_buckets(found[d], *span, width_us) for d in TrafficDirection}


def _names(event: CityEvent) -> list[tuple[str | None, str]]:
    return line_names(event, event.objects)


def _line(
    event: CityEvent,
    name: tuple[str | None, str],
    by_direction: Mapping[TrafficDirection, Buckets],
    starts: Sequence[int],
) -> LineHistory:
    booking = next((b for b in event.bookings if (b.area_id, b.service_class) == name), Booking("", name[1], name[0]))

    @lru_cache(maxsize=64)
    def shared(selected: frozenset[str], observed: frozenset[str]) -> TrafficShares:
        return traffic_shares(event.objects, selected, observed)

    points: dict[TrafficDirection, Sequence[RatePoint]] = {}
    for direction, buckets in by_direction.items():
        selections = (frozenset(o.object_id for o in objects_of(booking, event.objects, at)) for at in starts)
        points[direction] = [_point(i, buckets, chosen, shared) for i, chosen in enumerate(selections)]
    return LineHistory(*name, points)


def _point(
    index: int,
    buckets: Buckets,
    selected: frozenset[str],
    shared: Callable[[frozenset[str], frozenset[str]], TrafficShares],
) -> RatePoint:
    at = {k: b[index] for k, b in buckets.items()}
    spoken = frozenset(k for k, b in at.items() if b.quality)
    rated = frozenset(k for k, b in at.items() if b.covered_us)
    rates = {k: f for k, f in shared(selected, rated).factors.items() if f}
    octets = sum(f * at[k].octets for k, f in shared(selected, spoken).factors.items())
    quality = frozenset(q for k in selected & spoken for q in at[k].quality)
    if not any(f > 0 for f in rates.values()):
        return RatePoint(max(0, octets), None, None, peak_is_bound=False, quality=quality)
    mean = sum(f * (at[k].mean_bps or 0) for k, f in rates.items())
    # The highest second of a difference cannot be known from the highest seconds of its terms.
    peak = None if min(rates.values()) < 0 else sum(at[k].max_bps or 0 for k in rates)
    return RatePoint(max(0, octets), max(0.0, mean), peak, len(rates) > 1, quality)
