"""A night stays in one piece from noon to noon, over clock changes and beyond the polar circle."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from devices.daylight import HORIZON_DEG, elevation_deg
from devices.streetlight.config import LampConfig, LightProgram, LightStep, StepBase
from devices.streetlight.night_plan import LampPlace, night_of, program_of, step_start, step_starts
from devices.time_us import HOUR_US, to_us

BERLIN = ZoneInfo("Europe/Berlin")
FAUTHWEG = LampPlace(49.44, 7.77, BERLIN)


def at(text: str, zone: ZoneInfo = BERLIN) -> int:
    return to_us(datetime.fromisoformat(text).replace(tzinfo=zone))


@pytest.mark.parametrize("now", ["2026-11-25T12:00", "2026-11-25T18:00", "2026-11-26T02:00", "2026-11-26T11:59"])
def test_it_is_the_same_night_from_noon_to_noon(now: str) -> None:
    found = night_of(FAUTHWEG, at(now))
    assert found.date == date(2026, 11, 25)
    assert found.sunset_us is not None
    assert found.sunrise_us is not None
    assert at("2026-11-25T16:00") < found.sunset_us < at("2026-11-25T17:00")
    assert at("2026-11-26T07:30") < found.sunrise_us < at("2026-11-26T08:30")
    for instant_us in (found.sunset_us, found.sunrise_us):
        assert elevation_deg(FAUTHWEG.lat, FAUTHWEG.lon, instant_us) == pytest.approx(HORIZON_DEG, abs=0.05)


def test_the_next_night_begins_at_noon() -> None:
    assert night_of(FAUTHWEG, at("2026-11-26T12:00")).date == date(2026, 11, 26)


def test_beyond_the_polar_circle_the_sun_neither_sets_nor_rises() -> None:
    found = night_of(LampPlace(78.2, 15.6, ZoneInfo("Arctic/Longyearbyen")), at("2026-06-21T20:00"))
    assert (found.sunset_us, found.sunrise_us) == (None, None)
    program = LightProgram(program_id="p", steps=(LightStep(base=StepBase.SUNSET, level_pct=60),))
    assert list(step_starts(program, LampPlace(78.2, 15.6, BERLIN), date(2026, 6, 21))) == []


def test_steps_follow_the_local_clock_over_its_changes() -> None:
    five = LightStep(base=StepBase.CLOCK, at="05:00", level_pct=60)
    summer, winter = (step_start(five, FAUTHWEG, date(2026, 10, day)) for day in (24, 25))
    assert summer is not None
    assert winter is not None
    assert winter - summer == 25 * HOUR_US
    utc = LightStep(base=StepBase.UTC, at="05:00", offset_min=-30, level_pct=60)
    assert step_start(utc, FAUTHWEG, date(2026, 10, 25)) == to_us(datetime(2026, 10, 25, 4, 30, tzinfo=UTC))


def test_the_calendar_names_the_program_of_a_night_or_the_usual_one_holds() -> None:
    usual, feast = (
        LightProgram(program_id=name, steps=(LightStep(base=StepBase.SUNSET, level_pct=60),)) for name in ("u", "f")
    )
    config = LampConfig(programs=(usual, feast), program_id="u", days={date(2026, 12, 31): "f"})
    assert program_of(config, date(2026, 12, 31)) == feast
    assert program_of(config, date(2026, 12, 30)) == usual
    assert program_of(LampConfig(), date(2026, 12, 30)) is None
