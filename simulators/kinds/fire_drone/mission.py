"""A mission: arm, climb, go to the scene, hover, come back, land, disarm. Where the drone is at each moment."""

import math
from dataclasses import dataclass
from random import Random
from typing import Final

from devices.fire_drone.enums import FlightState
from devices.time_us import SECOND_US

CLIMB_MS: Final = 3.0
DESCENT_MS: Final = 2.0
CRUISE_MS: Final = 12.0
ARMED_S: Final = 4.0
AFTER_LANDING_S: Final = 3.0
LANDING_HEIGHT_M: Final = 10.0
_TAKING_OFF_HEIGHT_M: Final = 6.0


@dataclass(frozen=True, slots=True)
class LinkGap:
    """Samples of [from_us, until_us) do not get through: they come later in a batch, or never."""

    from_us: int
    until_us: int
    kept: bool


@dataclass(frozen=True, slots=True)
class DronePose:
    """Where a drone is relative to its home, and what it does."""

    forward_m: float
    height_m: float
    ground_speed_ms: float
    vertical_speed_ms: float
    state: FlightState
    armed: bool
    mode: str
    homeward: bool = False


@dataclass(frozen=True, slots=True)
class DroneMission:
    """One flight from home and back, straight along `bearing_deg`."""

    arm_us: int
    bearing_deg: float
    distance_m: float
    height_m: float
    hover_s: float
    gap: LinkGap | None = None

    @property
    def takeoff_us(self) -> int:
        """Moment it leaves the ground."""
        return self.arm_us + round(ARMED_S * SECOND_US)

    @property
    def landing_us(self) -> int:
        """Moment it touches the ground."""
        return self._after(self._climb_s + 2 * self._transit_s + self.hover_s + self._descent_s)

    @property
    def disarm_us(self) -> int:
        """Motors off: the end."""
        return self.landing_us + round(AFTER_LANDING_S * SECOND_US)

    @property
    def hover_us(self) -> tuple[int, int]:
        """Begin and end of the time above the scene."""
        begin_s = self._climb_s + self._transit_s
        return self._after(begin_s), self._after(begin_s + self.hover_s)

    def changes_us(self) -> tuple[int, ...]:
        """Moments at which the drone's state changes, each with a sample of its own."""
        airborne = self._after(_TAKING_OFF_HEIGHT_M / CLIMB_MS)
        landing = self.landing_us - round(LANDING_HEIGHT_M / DESCENT_MS * SECOND_US)
        return self.arm_us, self.takeoff_us, airborne, landing, self.landing_us, self.disarm_us

    def pose(self, now_us: int) -> DronePose:
        """Where it is; on the ground at home outside the mission."""
        if now_us < self.takeoff_us or now_us >= self.landing_us:
            armed = self.arm_us <= now_us < self.disarm_us
            return DronePose(0, 0, 0, 0, FlightState.ON_GROUND, armed, "hold" if armed else "standby")
        flown_s = (now_us - self.takeoff_us) / SECOND_US
        if flown_s < self._climb_s:
            height_m = flown_s * CLIMB_MS
            state = FlightState.TAKING_OFF if height_m < _TAKING_OFF_HEIGHT_M else FlightState.AIRBORNE
            return DronePose(0, height_m, 0, CLIMB_MS, state, armed=True, mode="takeoff")
        left_s = (self.landing_us - now_us) / SECOND_US
        if left_s <= self._descent_s:
            height_m = left_s * DESCENT_MS
            state = FlightState.LANDING if height_m <= LANDING_HEIGHT_M else FlightState.AIRBORNE
            return DronePose(0, height_m, 0, -DESCENT_MS, state, armed=True, mode="land", homeward=True)
        return self._aloft(flown_s - self._climb_s)

    def _aloft(self, cruising_s: float) -> DronePose:
        state = FlightState.AIRBORNE
        if cruising_s < self._transit_s:
            return DronePose(cruising_s * CRUISE_MS, self.height_m, CRUISE_MS, 0, state, armed=True, mode="position")
        if cruising_s < self._transit_s + self.hover_s:
            return DronePose(self.distance_m, self.height_m, 0, 0, state, armed=True, mode="hold")
        back_m = (cruising_s - self._transit_s - self.hover_s) * CRUISE_MS
        left_m = max(0.0, self.distance_m - back_m)
        return DronePose(left_m, self.height_m, CRUISE_MS, 0, state, armed=True, mode="rtl", homeward=True)

    @property
    def _climb_s(self) -> float:
        return self.height_m / CLIMB_MS

    @property
    def _descent_s(self) -> float:
        return self.height_m / DESCENT_MS

    @property
    def _transit_s(self) -> float:
        return self.distance_m / CRUISE_MS

    def _after(self, flown_s: float) -> int:
        return self.takeoff_us + round(flown_s * SECOND_US)


def plan_mission(chance: Random, arm_us: int, number: int) -> DroneMission:
    """Draw the next mission; every third has a link gap while it hovers, in turn delivered late and lost."""
    bare = DroneMission(
        arm_us,
        bearing_deg=chance.uniform(0, 360),
        distance_m=chance.uniform(200, 900),
        height_m=chance.uniform(30, 90),
        hover_s=chance.uniform(120, 420),
    )
    if number % 3 != 1:
        return bare
    begin_us = bare.hover_us[0] + round(chance.uniform(10, 25) * SECOND_US)
    end_us = begin_us + round(chance.uniform(25, 80) * SECOND_US)
    gap = LinkGap(begin_us, end_us, kept=number % 6 == 1)
    return DroneMission(bare.arm_us, bare.bearing_deg, bare.distance_m, bare.height_m, bare.hover_s, gap)


def offset_position(lat: float, lon: float, bearing_deg: float, forward_m: float) -> tuple[float, float]:
    """Position `forward_m` from (lat, lon); on a sphere, good to a few mm within a km."""
    bearing = math.radians(bearing_deg)
    north_m, east_m = forward_m * math.cos(bearing), forward_m * math.sin(bearing)
    return lat + north_m / 111_230.0, lon + east_m / (111_320.0 * math.cos(math.radians(lat)))
