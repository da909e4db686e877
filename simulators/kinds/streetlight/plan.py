"""What a lamp does by itself: its program, or without one a curve from dusk to dawn."""

from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from devices.daylight import elevation_deg
from devices.streetlight.config import LampConfig, LightProgram
from devices.streetlight.night_plan import LampPlace, night_date, program_of, step_starts
from devices.time_us import MINUTE_US, from_us

BEGIN_DEG, FULL_DEG = -1.0, -6.0
"""Light begins a little after sunset and is full at the end of civil twilight."""
EVENING_PCT: Final = 60.0
NIGHT_PCT: Final = 30.0
NIGHT_HOURS: Final = frozenset({22, 23, 0, 1, 2, 3, 4})
DUSK_CURVE: Final = "dusk-curve"
ZONE: Final = "Europe/Berlin"


class LampPlan:
    """The plan of one place; `config` replaces the dusk curve by programs."""

    def __init__(self, lat: float, lon: float) -> None:
        self._lat, self._lon = lat, lon
        self._config = LampConfig()
        self._zone = ZoneInfo(ZONE)
        self._cached: tuple[int, float, str] = (-1, 0.0, "")

    def use(self, config: LampConfig) -> None:
        """Follow a configuration from now on. Raises KeyError or ValueError for a time zone nobody knows."""
        self._zone = ZoneInfo(config.time_zone or ZONE)
        self._config = config
        self._cached = (-1, 0.0, "")

    def at(self, now_us: int) -> tuple[float, str]:
        """Level in percent and the program's id; constant within a minute."""
        minute = now_us // MINUTE_US
        if minute != self._cached[0]:
            self._cached = (minute, *self._at(minute * MINUTE_US))
        return self._cached[1], self._cached[2]

    def _at(self, now_us: int) -> tuple[float, str]:
        program = self._program(now_us)
        if program is None:
            default = self._config.default_level_pct
            return (self._dusk_curve(now_us), DUSK_CURVE) if default is None else (default, "")
        return self._level(program, now_us), program.program_id

    def _dusk_curve(self, now_us: int) -> float:
        elevation = elevation_deg(self._lat, self._lon, now_us)
        if elevation > BEGIN_DEG:
            return 0.0
        hour = from_us(now_us).astimezone(self._zone).hour
        full = NIGHT_PCT if hour in NIGHT_HOURS else EVENING_PCT
        share = min(1.0, (elevation - BEGIN_DEG) / (FULL_DEG - BEGIN_DEG))
        return max(10.0, round(full * share, -1))

    def _program(self, now_us: int) -> LightProgram | None:
        """The program of the night that began on this local date, noon to noon."""
        return program_of(self._config, night_date(self._zone, now_us))

    def _level(self, program: LightProgram, now_us: int) -> float:
        place = LampPlace(self._lat, self._lon, self._zone)
        today = from_us(now_us).astimezone(self._zone).date()
        starts = [
            (start_us, level_pct)
            for day in (today - timedelta(days=1), today)
            for start_us, level_pct in step_starts(program, place, day)
            if start_us <= now_us
        ]
        return max(starts)[1] if starts else 0.0
