"""Whether the sun is up, for rules and plans that depend on daylight."""

from typing import Final

import astral
import astral.sun

from devices.time_us import from_us

HORIZON_DEG: Final = -0.833
"""Elevation of the sun's centre at sunrise and sunset: refraction and half its disc (Meeus, ch. 15)."""


def elevation_deg(lat: float, lon: float, now_us: int) -> float:
    """Elevation of the sun's centre above the horizon in degrees, without refraction."""
    return astral.sun.elevation(astral.Observer(lat, lon), from_us(now_us), with_refraction=False)


def sun_up(lat: float, lon: float, now_us: int) -> bool:
    """True between sunrise and sunset at the place (degrees, WGS 84)."""
    return elevation_deg(lat, lon, now_us) > HORIZON_DEG
