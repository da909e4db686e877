"""Samples of made-up flights, one per second, for tests."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from devices.fire_drone.enums import FlightState
from devices.fire_drone.flights.sample import FlightSample
from devices.time_us import SECOND_US

T0 = 1_750_000_000 * SECOND_US
HOME = (49.4447, 7.7690)
METRE = 1 / 111_230


def at(second: float) -> int:
    """Instant of a second of the test's time."""
    return T0 + round(second * SECOND_US)


def sample(second: float, **known: Any) -> FlightSample:
    """A sample received half a second later."""
    return FlightSample(at(second), at(second) + SECOND_US // 2, **known)


def ground(start: int, stop: int, **more: Any) -> list[FlightSample]:
    """On the ground by the drone's word, armed unless said otherwise."""
    known = {"flight_state": FlightState.ON_GROUND, "armed": True, "altitude_rel_m": 0.0, "boot_id": "b1"} | more
    return [sample(s, **known) for s in range(start, stop)]


def air(start: int, stop: int, **more: Any) -> list[FlightSample]:
    """Hovering at 30 m by the drone's word."""
    known = {
        "flight_state": FlightState.AIRBORNE,
        "armed": True,
        "altitude_rel_m": 30.0,
        "ground_speed_ms": 0.0,
        "vertical_speed_ms": 0.0,
        "lat": HOME[0],
        "lon": HOME[1],
        "boot_id": "b1",
    } | more
    return [sample(s, **known) for s in range(start, stop)]


def wordless(samples: Iterable[FlightSample], *, armed: bool | None = True) -> list[FlightSample]:
    """The same of a drone that says nothing of its flight state."""
    return [replace(s, flight_state=None, armed=armed if s.armed else s.armed) for s in samples]


def northward(samples: Iterable[FlightSample], speed_ms: float) -> list[FlightSample]:
    """The same, moving north from home."""
    listed = list(samples)
    first = listed[0].ts_us
    return [
        replace(s, lat=HOME[0] + (s.ts_us - first) / SECOND_US * speed_ms * METRE, ground_speed_ms=speed_ms)
        for s in listed
    ]


PARKED = {"armed": False}
"""For `ground`: motors off."""
