"""The way a drone took: samples with running distances; implausible positions count for nothing."""

from dataclasses import dataclass
from itertools import pairwise
from math import fsum
from statistics import median
from typing import Final

from geographiclib.geodesic import Geodesic

from devices.fire_drone.flights.flight import FlightFigures, FlightPosition, TrackGap
from devices.fire_drone.flights.sample import DetectionSettings, FlightSample
from devices.time_us import SECOND_US

_AGREEING: Final = 3
"""So many positions that agree with each other and not with the one before: it was that one that was wrong."""


def distance_m(lat: float, lon: float, to_lat: float, to_lon: float) -> float:
    """Shortest way on the WGS84 ellipsoid."""
    if (lat, lon) == (to_lat, to_lon):
        return 0.0
    return float(Geodesic.WGS84.Inverse(lat, lon, to_lat, to_lon, Geodesic.DISTANCE)["s12"])


@dataclass(slots=True)
class TrackPoint:
    """A sample with its step from the position before; `placed` where its own is known and plausible."""

    sample: FlightSample
    flown_m: float = 0.0
    straight_m: float = 0.0
    """The step, where it spans a time without positions: a straight line, not flown."""
    home_m: float | None = None
    placed: bool = False
    refused: bool = False


class FlightTrack:
    """Grows by samples in order of time; what is computed is computed once per sample."""

    def __init__(self, settings: DetectionSettings) -> None:
        self._settings = settings
        self._anchor: TrackPoint | None = None
        self._home: tuple[float, float] | None = None
        self._placed = 0
        self._refused: list[TrackPoint] = []
        self.points: list[TrackPoint] = []

    def add(self, sample: FlightSample) -> None:
        """Append; `sample` is later than the last."""
        point = TrackPoint(sample)
        self.points.append(point)
        if sample.lat is None or sample.lon is None:
            return
        if self._anchor is None or self._reachable(self._anchor, point):
            self._place(point)
            self._refused.clear()
        else:
            self._refuse(point)

    def until(self, end_us: int) -> list[TrackPoint]:
        """Points up to and including `end_us`."""
        points = self.points
        cut = len(points)
        while cut and points[cut - 1].sample.ts_us > end_us:
            cut -= 1
        return points[:cut]

    def _place(self, point: TrackPoint) -> None:
        position = _position(point.sample)
        anchor, self._anchor = self._anchor, point
        if anchor is not None:
            step_m = _between(anchor, point)
            if point.sample.ts_us - anchor.sample.ts_us > self._settings.link_lost_s * SECOND_US:
                point.straight_m = step_m
            else:
                point.flown_m = step_m
        self._home = self._home or position
        home = self._home
        if point.sample.home_lat is not None and point.sample.home_lon is not None:
            home = point.sample.home_lat, point.sample.home_lon
        point.home_m = distance_m(*home, *position)
        point.placed, point.refused = True, False
        self._placed += 1

    def _refuse(self, point: TrackPoint) -> None:
        if self._refused and not self._reachable(self._refused[-1], point):
            self._refused.clear()
        point.refused = True
        self._refused.append(point)
        if len(self._refused) == _AGREEING:
            if self._placed < _AGREEING:
                self._disown()
            self._anchor = None
            for agreed in self._refused:
                self._place(agreed)
            self._refused.clear()

    def _disown(self) -> None:
        """The few positions so far agree with nothing after them: they were wrong, as first ones are at times."""
        self._home, self._placed = None, 0
        for point in self.points:
            if point.placed:
                point.flown_m = point.straight_m = 0.0
                point.placed, point.refused, point.home_m = False, True, None

    def _reachable(self, start: TrackPoint, end: TrackPoint) -> bool:
        allowed_m = self._settings.possible_speed_ms * (end.sample.ts_us - start.sample.ts_us) / SECOND_US
        return _between(start, end) <= allowed_m


def flight_figures(points: list[TrackPoint]) -> FlightFigures:
    """Compute what a flight's record shows."""
    samples = [point.sample for point in points]
    charges = [s.battery_pct for s in samples if s.battery_pct is not None]
    return FlightFigures(
        distance_m=round(fsum(p.flown_m for p in points), 3),
        gap_distance_m=round(fsum(p.straight_m for p in points), 3),
        altitude_rel_max_m=_max([s.altitude_rel_m for s in samples]),
        altitude_amsl_max_m=_max([s.altitude_amsl_m for s in samples]),
        ground_speed_max_ms=_max([s.ground_speed_ms for s in samples]),
        home_distance_max_m=_max([None if p.home_m is None else round(p.home_m, 3) for p in points]),
        battery_serial=next((s.battery_serial for s in samples if s.battery_serial is not None), None),
        battery_start_pct=charges[0] if charges else None,
        battery_end_pct=charges[-1] if charges else None,
        battery_voltage_min_v=min(
            (s.battery_voltage_v for s in samples if s.battery_voltage_v is not None), default=None
        ),
        battery_temperature_max_c=_max([s.battery_temperature_c for s in samples]),
    )


def track_gaps(points: list[TrackPoint], longer_than_s: float) -> tuple[TrackGap, ...]:
    """Times without samples; the straight line where a position is known on both sides."""
    found = []
    for before, after in pairwise(points):
        if after.sample.ts_us - before.sample.ts_us > longer_than_s * SECOND_US:
            straight = round(_between(before, after), 3) if before.placed and after.placed else None
            found.append(TrackGap(before.sample.ts_us, after.sample.ts_us, straight))
    return tuple(found)


def usual_interval_s(points: list[TrackPoint]) -> float | None:
    """Median time between samples; None for a single one."""
    steps = [b.sample.ts_us - a.sample.ts_us for a, b in pairwise(points)]
    return median(steps) / SECOND_US if steps else None


def first_position(points: list[TrackPoint]) -> FlightPosition | None:
    """First known position among `points`."""
    for point in points:
        if point.placed:
            return FlightPosition(*_position(point.sample), point.sample.altitude_amsl_m)
    return None


def _between(start: TrackPoint, end: TrackPoint) -> float:
    return distance_m(*_position(start.sample), *_position(end.sample))


def _position(sample: FlightSample) -> tuple[float, float]:
    if sample.lat is None or sample.lon is None:
        raise ValueError("no position")
    return sample.lat, sample.lon


def _max(values: list[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
