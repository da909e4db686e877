"""A flight as detection finds it."""

from dataclasses import dataclass
from enum import StrEnum

from devices.time_us import SECOND_US


class FlightStatus(StrEnum):
    """How a flight stands."""

    AIRBORNE = "airborne"
    LANDED = "landed"
    LANDING_NOT_OBSERVED = "landing_not_observed"
    """The last that was heard was in the air; somebody must complete it."""


class FlightFlag(StrEnum):
    """What somebody should look at."""

    VERY_SHORT = "very_short"
    OVER_ENDURANCE = "over_endurance"
    TAKEOFF_NOT_OBSERVED = "takeoff_not_observed"
    CONFLICTS = "conflicts"
    IMPLAUSIBLE_POSITIONS = "implausible_positions"


@dataclass(frozen=True, slots=True)
class FlightPosition:
    """A position; either altitude may be unknown."""

    lat: float
    lon: float
    altitude_amsl_m: float | None = None


@dataclass(frozen=True, slots=True)
class TrackGap:
    """Nothing was heard for over 15 s in the air; `straight_m` is not flown distance."""

    from_us: int
    until_us: int
    straight_m: float | None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return (self.until_us - self.from_us) / SECOND_US


@dataclass(frozen=True, slots=True)
class FlightFigures:
    """What is computed over a flight; None where nothing is known."""

    distance_m: float = 0.0
    """Along the track, without gaps, on the WGS84 ellipsoid, horizontally."""
    gap_distance_m: float = 0.0
    altitude_rel_max_m: float | None = None
    altitude_amsl_max_m: float | None = None
    ground_speed_max_ms: float | None = None
    home_distance_max_m: float | None = None
    battery_serial: str | None = None
    battery_start_pct: float | None = None
    battery_end_pct: float | None = None
    battery_voltage_min_v: float | None = None
    battery_temperature_max_c: float | None = None


@dataclass(frozen=True, slots=True)
class FlightQuality:
    """How good the data of a flight are."""

    samples: int = 0
    expected_samples: int = 0
    """At the flight's usual interval, gaps included."""
    interval_s: float | None = None
    """Median time between samples."""
    gaps: tuple[TrackGap, ...] = ()
    stale_intervals: int = 0
    """Intervals of 5 to 15 s."""
    conflicts: int = 0
    """Samples with the time of another and other content; the first received counts."""
    out_of_order: int = 0
    """Samples received after a later one."""
    implausible_positions: int = 0
    no_3d_fix_share: float | None = None
    """Share of samples whose fix is known and less than 3D, 0–1."""
    delay_min_s: float | None = None
    """Receipt less device time: the clock offset when nothing was delayed."""
    delay_max_s: float | None = None

    @property
    def longest_gap_s(self) -> float:
        """Longest gap in seconds; 0 without one."""
        return max((gap.duration_s for gap in self.gaps), default=0.0)

    @property
    def total_gap_s(self) -> float:
        """Sum of the gaps in seconds."""
        return sum(gap.duration_s for gap in self.gaps)


@dataclass(frozen=True, slots=True)
class DetectedFlight:
    """From the first sample in the air to the first on the ground; equal samples give an equal flight."""

    takeoff_us: int
    takeoff_earliest_us: int | None
    """Last sample before; None where the data begin in the air."""
    last_airborne_us: int
    landing_us: int | None
    landing_latest_us: int | None
    """First sample after, or the landing; it landed between `last_airborne_us` and this. None: not known."""
    status: FlightStatus
    landings: int
    airborne_s: float
    """Time in the air, without the time on the ground of touch-and-goes."""
    boot_id: str | None = None
    armed_us: int | None = None
    disarmed_us: int | None = None
    takeoff_place: FlightPosition | None = None
    landing_place: FlightPosition | None = None
    flags: tuple[FlightFlag, ...] = ()
    figures: FlightFigures = FlightFigures()
    quality: FlightQuality = FlightQuality()

    @property
    def end_us(self) -> int:
        """Landing, or the last sample in the air."""
        return self.last_airborne_us if self.landing_us is None else self.landing_us

    @property
    def duration_s(self) -> float:
        """From take-off to the landing or the last sample in the air."""
        return (self.end_us - self.takeoff_us) / SECOND_US

    @property
    def takeoff_observed(self) -> bool:
        """The sample before the take-off was not long before it, and on the ground."""
        return FlightFlag.TAKEOFF_NOT_OBSERVED not in self.flags
