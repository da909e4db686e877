"""When the steps of light programs begin, and between which sunset and sunrise a night lies."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import astral
import astral.sun

from devices.streetlight.config import LampConfig, LightProgram, LightStep, StepBase
from devices.time_us import MINUTE_US, from_us, to_us


@dataclass(frozen=True, slots=True)
class LampPlace:
    """Where lamps stand and by which clock their programs go."""

    lat: float
    lon: float
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class NightSpan:
    """The night that is under way or comes next; None where the sun does not set or rise (beyond the polar circles)."""

    date: date
    """Local date on which it begins."""
    sunset_us: int | None
    sunrise_us: int | None


def night_of(place: LampPlace, now_us: int) -> NightSpan:
    """Night of an instant: the same from noon to noon, so that it stays in one piece."""
    begins = night_date(place.zone, now_us)
    sunset = _of_the_sun(StepBase.SUNSET, place, begins)
    return NightSpan(begins, sunset, _of_the_sun(StepBase.SUNRISE, place, begins + timedelta(days=1)))


def night_date(zone: ZoneInfo, now_us: int) -> date:
    """Local date on which the night of an instant begins, noon to noon."""
    return (from_us(now_us).astimezone(zone) - timedelta(hours=12)).date()


def program_of(config: LampConfig, begins: date) -> LightProgram | None:
    """The program of the night that begins on a local date; None where none is named."""
    wanted = (config.days or {}).get(begins, config.program_id)
    return next((p for p in config.programs or () if p.program_id == wanted), None)


def step_starts(program: LightProgram, place: LampPlace, begins: date) -> Iterator[tuple[int, float]]:
    """(start in µs, level in percent) of the steps that begin on a local date; none for a sun that does not set."""
    for step in program.steps:
        start_us = step_start(step, place, begins)
        if start_us is not None:
            yield start_us, step.level_pct


def step_start(step: LightStep, place: LampPlace, day: date) -> int | None:
    """When a step begins on a local date; a time that the clock change skips is the instant it would have been."""
    if step.at is not None:
        zone = UTC if step.base is StepBase.UTC else place.zone
        return to_us(datetime.combine(day, time.fromisoformat(step.at), zone)) + step.offset_min * MINUTE_US
    start_us = _of_the_sun(step.base, place, day)
    return None if start_us is None else start_us + step.offset_min * MINUTE_US


def _of_the_sun(base: StepBase, place: LampPlace, day: date) -> int | None:
    of_the_sun = astral.sun.sunset if base is StepBase.SUNSET else astral.sun.sunrise
    try:
        return to_us(of_the_sun(astral.Observer(place.lat, place.lon), day, tzinfo=UTC))
    except ValueError:
        return None
