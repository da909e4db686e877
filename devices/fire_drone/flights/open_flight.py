"""A flight that detection is still following."""

from typing import NamedTuple

from devices.fire_drone.flights.evidence import EvidenceOnset
from devices.fire_drone.flights.flight import DetectedFlight, FlightFlag, FlightQuality, FlightStatus
from devices.fire_drone.flights.sample import DetectionSettings, FlightSample
from devices.fire_drone.flights.track import (
    FlightTrack,
    TrackPoint,
    first_position,
    flight_figures,
    track_gaps,
    usual_interval_s,
)
from devices.time_us import SECOND_US

_POOR_FIX = frozenset({"none", "2d"})


class _End(NamedTuple):
    """How a flight ended, or stands."""

    status: FlightStatus
    last_us: int
    """Last sample in the air."""
    landing_us: int | None = None
    latest_us: int | None = None
    disarmed_us: int | None = None


class OpenFlight:
    """Follows samples from take-off on, also those on the ground after a landing: it may rise again."""

    def __init__(
        self, settings: DetectionSettings, onset: EvidenceOnset, armed_us: int | None, *, observed: bool
    ) -> None:
        self._settings = settings
        self._onset = onset
        self._armed_us = armed_us
        self._observed = observed
        self._track = FlightTrack(settings)
        self._aloft: list[tuple[int, int]] = []
        self._risen_us = onset.first_us
        self._conflicts = 0
        self.landed_us: int | None = None
        self.landings = 0

    @property
    def last(self) -> FlightSample:
        """The newest sample."""
        return self._track.points[-1].sample

    def add(self, sample: FlightSample) -> None:
        """Append the next sample."""
        self._track.add(sample)

    def conflict(self) -> None:
        """Count a sample with the time of the newest one and other content."""
        self._conflicts += 1

    def land(self, at_us: int) -> None:
        """On the ground since `at_us`."""
        self.landed_us = at_us
        self.landings += 1
        self._aloft.append((self._risen_us, at_us))

    def rise(self, at_us: int) -> None:
        """In the air again since `at_us`: a touch-and-go."""
        self.landed_us = None
        self._risen_us = at_us

    def landed(self, disarmed_us: int | None = None) -> DetectedFlight:
        """Return the flight that ended with the last landing."""
        landed_us = self.landed_us
        if landed_us is None:
            raise ValueError("not landed")
        aloft = [p.sample.ts_us for p in self._track.until(landed_us)[-2:] if p.sample.ts_us < landed_us]
        last_us = aloft[-1] if aloft else self._onset.first_us
        return self._record(_End(FlightStatus.LANDED, last_us, landed_us, landed_us, disarmed_us))

    def unobserved(self, latest_us: int | None, last_us: int | None = None) -> DetectedFlight:
        """Return the flight whose end nobody saw: last heard in the air at `last_us`, by default the newest sample."""
        end_us = self.last.ts_us if last_us is None else last_us
        return self._record(_End(FlightStatus.LANDING_NOT_OBSERVED, end_us, latest_us=latest_us))

    def now(self, now_us: int | None) -> DetectedFlight:
        """Return the flight as it stands; without `now_us` nothing more will be heard."""
        if self.landed_us is not None:
            return self.landed()
        if now_us is None or now_us - self.last.ts_us > self._settings.bridge_s * SECOND_US:
            return self.unobserved(None)
        return self._record(_End(FlightStatus.AIRBORNE, self.last.ts_us))

    def _record(self, end: _End) -> DetectedFlight:
        landed = end.landing_us is not None
        points = self._track.until(end.last_us if end.landing_us is None else end.landing_us)
        flown = self._aloft if landed else [*self._aloft, (self._risen_us, end.last_us)]
        airborne_s = sum(until - since for since, until in flown) / SECOND_US
        quality = self._quality(points)
        return DetectedFlight(
            takeoff_us=self._onset.first_us,
            takeoff_earliest_us=self._onset.before_us,
            last_airborne_us=end.last_us,
            landing_us=end.landing_us,
            landing_latest_us=end.latest_us,
            status=end.status,
            landings=self.landings,
            airborne_s=airborne_s,
            boot_id=next((p.sample.boot_id for p in points if p.sample.boot_id is not None), None),
            armed_us=self._armed_us,
            disarmed_us=end.disarmed_us,
            takeoff_place=first_position(points),
            landing_place=first_position(points[::-1]) if landed else None,
            flags=self._flags(airborne_s, points, quality),
            figures=flight_figures(points),
            quality=quality,
        )

    def _flags(self, airborne_s: float, points: list[TrackPoint], quality: FlightQuality) -> tuple[FlightFlag, ...]:
        length_s = (points[-1].sample.ts_us - self._onset.first_us) / SECOND_US
        found = {
            FlightFlag.VERY_SHORT: airborne_s < self._settings.very_short_s,
            FlightFlag.OVER_ENDURANCE: length_s > self._settings.endurance_s,
            FlightFlag.TAKEOFF_NOT_OBSERVED: not self._observed,
            FlightFlag.CONFLICTS: quality.conflicts > 0,
            FlightFlag.IMPLAUSIBLE_POSITIONS: quality.implausible_positions > 0,
        }
        return tuple(flag for flag, holds in found.items() if holds)

    def _quality(self, points: list[TrackPoint]) -> FlightQuality:
        settings, samples = self._settings, [point.sample for point in points]
        interval_s = usual_interval_s(points)
        length_s = (samples[-1].ts_us - samples[0].ts_us) / SECOND_US
        lost = track_gaps(points, settings.link_lost_s)
        fixes = [sample.fix in _POOR_FIX for sample in samples if sample.fix is not None]
        delays = [(sample.received_us - sample.ts_us) / SECOND_US for sample in samples if sample.received_us]
        return FlightQuality(
            samples=len(samples),
            expected_samples=round(length_s / interval_s) + 1 if interval_s else len(samples),
            interval_s=interval_s,
            gaps=lost,
            stale_intervals=len(track_gaps(points, settings.stale_s)) - len(lost),
            conflicts=self._conflicts,
            out_of_order=_out_of_order(samples),
            implausible_positions=sum(point.refused for point in points),
            no_3d_fix_share=round(sum(fixes) / len(fixes), 4) if fixes else None,
            delay_min_s=min(delays, default=None),
            delay_max_s=max(delays, default=None),
        )


def _out_of_order(samples: list[FlightSample]) -> int:
    newest_us, count = 0, 0
    for sample in samples:
        count += sample.received_us < newest_us
        newest_us = max(newest_us, sample.received_us)
    return count
