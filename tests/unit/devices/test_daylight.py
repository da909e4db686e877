"""Sunrise and sunset in Kaiserslautern."""

from datetime import datetime

import pytest

from devices.daylight import sun_up
from devices.time_us import to_us


@pytest.mark.parametrize(
    ("moment", "up"),
    [
        # Almanac times for 49.44 N 7.77 E, two minutes to either side.
        ("2026-06-21T05:21+02:00", False),
        ("2026-06-21T05:26+02:00", True),
        ("2026-06-21T21:35+02:00", True),
        ("2026-06-21T21:42+02:00", False),
        ("2026-12-21T08:20+01:00", False),
        ("2026-12-21T08:30+01:00", True),
        ("2026-12-21T16:25+01:00", True),
        ("2026-12-21T16:36+01:00", False),
    ],
)
def test_the_sun_is_up_between_sunrise_and_sunset(moment: str, *, up: bool) -> None:
    assert sun_up(49.44, 7.77, to_us(datetime.fromisoformat(moment))) is up
