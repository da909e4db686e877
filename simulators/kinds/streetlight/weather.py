"""Daylight and temperature at a place, plausible and smooth."""

import math

from devices.daylight import elevation_deg
from devices.time_us import DAY_US


def illuminance_lx(lat: float, lon: float, now_us: int) -> float:
    """Daylight on the ground under an average sky; 400 lx when the sun sets, starlight at night."""
    elevation = elevation_deg(lat, lon, now_us)
    if elevation > 0:
        return round(400 + 80_000 * float(math.sin(math.radians(elevation)) ** 1.2), 1)
    return round(max(0.05, 400 * math.exp(elevation / 1.1)), 2)


def ambient_c(now_us: int) -> float:
    """Air temperature: 1 °C in January, 19 °C in July, coldest at five in the morning."""
    year = math.cos(2 * math.pi * (now_us / (365.25 * DAY_US) - 0.05))
    day = math.cos(2 * math.pi * (now_us % DAY_US / DAY_US - 0.17))
    return round(10 - 9 * year - 4 * day, 1)


def humidity_pct(now_us: int) -> float:
    """Relative humidity: high when it is cold."""
    return round(min(98.0, max(35.0, 85 - 1.2 * (ambient_c(now_us) - 5))), 1)
