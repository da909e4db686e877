"""What samples say about being in the air: the drone's word first, then arming with height, then motion alone."""

from collections.abc import Callable
from dataclasses import dataclass

from devices.fire_drone.enums import FlightState
from devices.fire_drone.flights.sample import DetectionSettings, FlightSample
from devices.time_us import SECOND_US

_IN_THE_AIR = frozenset({FlightState.TAKING_OFF, FlightState.AIRBORNE})
_NO_WORD = frozenset({None, FlightState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class EvidenceOnset:
    """First sample of a run that proved something, and the time of the one before it."""

    first_us: int
    before_us: int | None


@dataclass(frozen=True, slots=True)
class AirborneVerdict:
    """In the air since, on the ground since, or neither: then nothing changes."""

    air: EvidenceOnset | None = None
    ground: EvidenceOnset | None = None


class _Run:
    """An unbroken run of samples that meet a condition for long enough."""

    def __init__(self, condition: Callable[[FlightSample], bool], lasting_s: float) -> None:
        self._condition = condition
        self._lasting_us = lasting_s * SECOND_US
        self._onset: EvidenceOnset | None = None

    def push(self, sample: FlightSample, before_us: int | None) -> EvidenceOnset | None:
        """Return the run's onset once it has lasted long enough."""
        if not self._condition(sample):
            self._onset = None
            return None
        if self._onset is None:
            self._onset = EvidenceOnset(sample.ts_us, before_us)
        return self._onset if sample.ts_us - self._onset.first_us >= self._lasting_us else None

    @property
    def since_us(self) -> int | None:
        """First sample of the run that goes on."""
        return self._onset.first_us if self._onset else None

    def reset(self) -> None:
        """Forget the run."""
        self._onset = None


class AirborneEvidence:
    """Judges samples in order of time."""

    def __init__(self, settings: DetectionSettings) -> None:
        self._high = _Run(lambda s: _over(s.altitude_rel_m, settings.rise_height_m), settings.rise_height_s)
        self._climb = _Run(
            lambda s: (
                _over(s.vertical_speed_ms, settings.climb_ms) and _over(s.altitude_rel_m, settings.climb_height_m)
            ),
            settings.climb_s,
        )
        self._rest = _Run(
            lambda s: (
                _under(s.vertical_speed_ms, settings.rest_vertical_ms)
                and _under(s.ground_speed_ms, settings.rest_ground_ms)
                and _under(s.altitude_rel_m, settings.rest_height_m)
            ),
            settings.rest_s,
        )

    def judge(self, sample: FlightSample, before_us: int | None) -> AirborneVerdict:
        """Judge the next sample; `before_us` is the time of the one before, None at first and after a new start."""
        here = EvidenceOnset(sample.ts_us, before_us)
        if sample.flight_state in _IN_THE_AIR:
            self.reset()
            return AirborneVerdict(air=here)
        if sample.flight_state is FlightState.ON_GROUND or sample.armed is False:
            self.reset()
            return AirborneVerdict(ground=here)
        high, climb = self._high.push(sample, before_us), self._climb.push(sample, before_us)
        risen = min((onset for onset in (high, climb) if onset), key=lambda onset: onset.first_us, default=None)
        if risen is not None:
            self._rest.reset()
            return AirborneVerdict(air=risen)
        if sample.flight_state in _NO_WORD:
            return AirborneVerdict(ground=self._rest.push(sample, before_us))
        self._rest.reset()
        return AirborneVerdict()

    def pending_us(self) -> int | None:
        """First sample of the rise that may yet prove a take-off; None without one."""
        since = [run.since_us for run in (self._high, self._climb) if run.since_us is not None]
        return min(since, default=None)

    def reset(self) -> None:
        """Forget all runs: a gap proves neither flight nor landing."""
        for run in (self._high, self._climb, self._rest):
            run.reset()


def _over(value: float | None, limit: float) -> bool:
    return value is not None and value > limit


def _under(value: float | None, limit: float) -> bool:
    return value is not None and abs(value) < limit
