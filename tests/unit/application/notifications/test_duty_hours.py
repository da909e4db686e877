"""Duty hours by the wall clock, over clock changes and holidays."""

from datetime import UTC, datetime, time

import pytest

from application.notifications.duty_hours import DutyHours, WeeklySpan, dump_duty, holidays_of, load_duty
from devices.errors import Invalid
from devices.time_us import to_us

EVERY_DAY = frozenset(range(7))
DAY = DutyHours(spans=(WeeklySpan(frozenset(range(5)), time(7), time(16)),), region="DE-RP")
NIGHT = DutyHours(spans=(WeeklySpan(EVERY_DAY, time(22), time(6)),))


def on(duty: DutyHours, text: str) -> bool:
    return duty.on(to_us(datetime.fromisoformat(text).replace(tzinfo=UTC)))


@pytest.mark.parametrize(
    ("duty", "utc", "wanted"),
    [
        (DAY, "2026-11-26T05:59:59", False),
        (DAY, "2026-11-26T06:00:00", True),
        (DAY, "2026-11-26T15:00:00", False),
        (DAY, "2026-11-28T10:00:00", False),  # Saturday
        (DAY, "2026-06-04T10:00:00", False),  # Corpus Christi, a holiday in Rhineland-Palatinate
        (DAY, "2026-06-05T10:00:00", True),
        (DAY, "2026-07-01T05:00:00", True),  # 07:00 in summer
        (NIGHT, "2026-03-29T00:30:00", True),  # 01:30; at 02:00 the clock springs to 03:00
        (NIGHT, "2026-03-29T03:30:00", True),  # 05:30 in summer time
        (NIGHT, "2026-03-29T04:00:00", False),
        (NIGHT, "2026-10-25T01:30:00", True),  # 02:30 for the second time
        (NIGHT, "2026-10-25T05:00:00", False),
        (DutyHours(), "2026-11-26T03:00:00", True),
    ],
)
def test_duty_follows_the_wall_clock(duty: DutyHours, utc: str, wanted: bool) -> None:  # noqa: FBT001 - a table
    assert on(duty, utc) is wanted


def test_a_span_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    friday = DutyHours(spans=(WeeklySpan(frozenset({4}), time(22), time(6)),))
    assert on(friday, "2026-11-28T02:00:00")
    assert not on(friday, "2026-11-27T02:00:00")


def test_it_is_kept_and_read_again() -> None:
    assert load_duty(dump_duty(DAY)) == DAY


def test_a_region_nobody_knows_is_refused() -> None:
    with pytest.raises(Invalid):
        holidays_of("DE-ZZ", 2026)
