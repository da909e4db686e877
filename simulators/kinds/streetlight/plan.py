"""What a lamp does by itself: its program, or without one a curve from dusk to dawn."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import astral
import astral.sun

from devices.instants import MINUTE_US, from_us, to_us
from devices.streetlight.config import LampConfig, LightProgram, LightStep, StepBase
from devices.sun import elevation_deg

BEGIN_DEG, FULL_DEG = -1.0, -6.0
"""Light begins a little after sunset and is full at the end of civil twilight."""
EVENING_PCT: Final = 60.0
NIGHT_PCT: Final = 30.0
NIGHT_HOURS: Final = frozenset({22, 23, 0, 1, 2, 3, 4})
DUSK_CURVE: Final = "dusk-curve"
ZONE: Final = "Europe/Berlin"


class Plan:
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
        night = (from_us(now_us).astimezone(self._zone) - timedelta(hours=12)).date()
        wanted = (self._config.days or {}).get(night, self._config.program_id)
        return next((p for p in self._config.programs or () if p.program_id == wanted), None)

    def _level(self, program: LightProgram, now_us: int) -> float:
        today = from_us(now_us).astimezone(self._zone).date()
        starts = [
            (start_us, step.level_pct)
            for day in (today - timedelta(days=1), today)
            for step in program.steps
            if (start_us := self._start_us(step, day)) <= now_us
        ]
        return max(starts)[1] if starts else 0.0

    def _start_us(self, step: LightStep, day: date) -> int:
        """When a step begins on a local date; a time that the clock change skips is the instant it would have been."""
        if step.at is not None:
            zone = UTC if step.base is StepBase.UTC else self._zone
            return to_us(datetime.combine(day, time.fromisoformat(step.at), zone)) + step.offset_min * MINUTE_US
        observer = astral.Observer(self._lat, self._lon)
        of_the_sun = astral.sun.sunset if step.base is StepBase.SUNSET else astral.sun.sunrise
        return to_us(of_the_sun(observer, day, tzinfo=UTC)) + step.offset_min * MINUTE_US
