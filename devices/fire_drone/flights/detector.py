"""Finds flights in samples: a state machine over one drone's samples in order of time."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from devices.fire_drone.flights.evidence import AirborneEvidence, AirborneVerdict, EvidenceOnset
from devices.fire_drone.flights.flight import DetectedFlight
from devices.fire_drone.flights.open_flight import OpenFlight
from devices.fire_drone.flights.sample import DetectionSettings, FlightSample
from devices.fire_drone.flights.track import distance_m
from devices.time_us import SECOND_US


@dataclass(frozen=True, slots=True)
class GroundRun:
    """Armed and disarmed without having been in the air: no flight."""

    armed_us: int
    disarmed_us: int


def detect_flights(
    samples: Iterable[FlightSample], settings: DetectionSettings | None = None, now_us: int | None = None
) -> list[DetectedFlight]:
    """Flights in order of take-off, the same for any order and repetition of `samples`.

    `now_us` says that more may come: a flight is then still airborne for 15 min after its last sample.
    """
    detector = FlightDetector(settings or DetectionSettings())
    for sample in in_order(samples):
        detector.push(sample)
    return detector.flights(now_us)


def in_order(samples: Iterable[FlightSample]) -> list[FlightSample]:
    """Samples in order of time without repetitions; of several for one time the first received leads."""
    first: dict[FlightSample, FlightSample] = {}
    for sample in samples:
        content = replace(sample, received_us=0)
        known = first.get(content)
        if known is None or sample.received_us < known.received_us:
            first[content] = sample
    return sorted(first.values(), key=lambda s: (s.ts_us, s.received_us, repr(s)))


class FlightDetector:
    """The incremental form: push samples in order of time, ask for the flights at any moment."""

    def __init__(self, settings: DetectionSettings) -> None:
        self._settings = settings
        self._evidence = AirborneEvidence(settings)
        self._previous: FlightSample | None = None
        self._supply = _Supply(settings, None)
        self._arming = _Arming()
        self._renewed_us = 0
        self._recent: list[FlightSample] = []
        self._flight: OpenFlight | None = None
        self._finished: list[DetectedFlight] = []

    @property
    def ground_runs(self) -> tuple[GroundRun, ...]:
        """Armings without flight."""
        return tuple(self._arming.ground_runs)

    @property
    def last_us(self) -> int | None:
        """Time of the newest sample."""
        return self._previous.ts_us if self._previous else None

    @property
    def following(self) -> bool:
        """A flight is open: in the air, or landed and not yet closed."""
        return self._flight is not None

    def flights(self, now_us: int | None = None) -> list[DetectedFlight]:
        """All flights so far; the last may still go on."""
        return [*self._finished, *([self._flight.now(now_us)] if self._flight else [])]

    def forget_finished(self) -> None:
        """Drop what is finished from memory."""
        self._finished.clear()
        self._arming.ground_runs.clear()

    def push(self, sample: FlightSample) -> None:
        """Take the next sample; another one for the time of the newest is a conflict. Raises ValueError when older."""
        previous = self._previous
        if previous is not None and sample.ts_us <= previous.ts_us:
            self._repeated(previous, sample)
            return
        self._previous = sample
        before_us = None if previous is None else previous.ts_us
        if self._flight is None:
            self._supply = _Supply(self._settings, previous)
        renewed = self._supply.renewed(sample)
        lost = self._lost(before_us, sample.ts_us)
        if lost or renewed:
            self._evidence.reset()
            self._recent.clear()
        if renewed:
            self._renewed_us = sample.ts_us
        verdict = self._evidence.judge(sample, before_us)
        self._arming.push(sample, renewed=renewed)
        self._recent.append(sample)
        self._step(previous, sample, verdict, lost=lost, renewed=renewed)
        self._keep_recent()

    def _step(
        self,
        previous: FlightSample | None,
        sample: FlightSample,
        verdict: AirborneVerdict,
        *,
        lost: bool,
        renewed: bool,
    ) -> None:
        flight = self._flight
        if flight is None or previous is None:
            self._wait(verdict)
        elif flight.landed_us is not None:
            self._on_ground(flight, flight.landed_us, sample, verdict, renewed=renewed)
        elif renewed or (lost and verdict.ground is None and not self._bridges(previous, sample)):
            self._finish(flight.unobserved(sample.ts_us))
            self._wait(verdict)
        elif verdict.ground is not None:
            self._land(flight, sample, verdict.ground)
        else:
            flight.add(sample)

    def _keep_recent(self) -> None:
        """Keep the samples from which a take-off may yet be back-dated; a drone in the air takes off no more."""
        since_us = self._evidence.pending_us()
        if since_us is None or (self._flight is not None and self._flight.landed_us is None):
            self._recent.clear()
        else:
            self._recent = [s for s in self._recent if s.ts_us >= since_us]

    def _wait(self, verdict: AirborneVerdict) -> None:
        """No flight is open."""
        if verdict.air is None:
            return
        onset = verdict.air
        known = onset.before_us is not None and onset.before_us >= self._renewed_us
        observed = known and not self._lost(onset.before_us, onset.first_us)
        self._flight = OpenFlight(self._settings, onset, self._arming.spend(onset.first_us), observed=observed)
        for sample in self._recent:
            if sample.ts_us >= onset.first_us:
                self._flight.add(sample)

    def _land(self, flight: OpenFlight, sample: FlightSample, onset: EvidenceOnset) -> None:
        if self._lost(onset.before_us, onset.first_us):
            self._finish(flight.unobserved(onset.first_us, onset.before_us))
            return
        flight.add(sample)
        flight.land(onset.first_us)
        if sample.armed is False:
            self._finish(flight.landed(sample.ts_us))

    def _on_ground(
        self, flight: OpenFlight, landed_us: int, sample: FlightSample, verdict: AirborneVerdict, *, renewed: bool
    ) -> None:
        at_us = verdict.air.first_us if verdict.air else sample.ts_us
        if renewed or at_us - landed_us > self._settings.close_after_s * SECOND_US:
            self._finish(flight.landed())
            self._wait(verdict)
            return
        flight.add(sample)
        if verdict.air:
            flight.rise(at_us)
        elif sample.armed is False:
            self._finish(flight.landed(sample.ts_us))

    def _finish(self, flight: DetectedFlight) -> None:
        self._finished.append(flight)
        self._flight = None

    def _bridges(self, before: FlightSample, after: FlightSample) -> bool:
        """Tell whether a drone in the air on both sides of a gap may have stayed there."""
        settings, gap_s = self._settings, (after.ts_us - before.ts_us) / SECOND_US
        if gap_s > settings.bridge_s:
            return False
        if before.battery_pct is not None and after.battery_pct is not None and after.battery_pct > before.battery_pct:
            return False
        if before.lat is None or before.lon is None or after.lat is None or after.lon is None:
            return True
        return distance_m(before.lat, before.lon, after.lat, after.lon) <= settings.bridge_speed_ms * gap_s

    def _lost(self, before_us: int | None, after_us: int) -> bool:
        return before_us is not None and after_us - before_us > self._settings.link_lost_s * SECOND_US

    def _repeated(self, previous: FlightSample, sample: FlightSample) -> None:
        if sample.ts_us < previous.ts_us:
            raise ValueError("samples must be pushed in order of time")
        if self._flight and replace(sample, received_us=0) != replace(previous, received_us=0):
            self._flight.conflict()


class _Supply:
    """The drone's boot and battery as last known in this flight; on the ground, in the sample before."""

    def __init__(self, settings: DetectionSettings, previous: FlightSample | None) -> None:
        self._settings = settings
        self._boot_id = previous.boot_id if previous else None
        self._serial = previous.battery_serial if previous else None
        self._charge_pct = previous.battery_pct if previous else None

    def renewed(self, sample: FlightSample) -> bool:
        """Tell whether `sample` shows another boot or battery than before, and remember it."""
        rise = 0.0
        if self._charge_pct is not None and sample.battery_pct is not None:
            rise = sample.battery_pct - self._charge_pct
        renewed = (
            _changed(self._boot_id, sample.boot_id)
            or _changed(self._serial, sample.battery_serial)
            or rise > self._settings.battery_rise_pct
        )
        self._boot_id = sample.boot_id or self._boot_id
        self._serial = sample.battery_serial or self._serial
        self._charge_pct = self._charge_pct if sample.battery_pct is None else sample.battery_pct
        return renewed


class _Arming:
    """When the motors were released, and whether a flight came of it."""

    def __init__(self) -> None:
        self._since_us: int | None = None
        self._spent = False
        self.ground_runs: list[GroundRun] = []

    def push(self, sample: FlightSample, *, renewed: bool) -> None:
        """Follow the drone's word."""
        if sample.armed is False or renewed:
            if self._since_us is not None and not self._spent:
                self.ground_runs.append(GroundRun(self._since_us, sample.ts_us))
            self._since_us, self._spent = None, False
        if sample.armed and self._since_us is None:
            self._since_us = sample.ts_us

    def spend(self, takeoff_us: int) -> int | None:
        """A flight opens: return the arming that led to it, once."""
        since_us = None if self._spent or self._since_us is None or self._since_us > takeoff_us else self._since_us
        self._spent = True
        return since_us


def _changed(old: str | None, new: str | None) -> bool:
    return old is not None and new is not None and old != new
