"""Instants at the edge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.time_parameters import EARLIEST_US, LATEST_US, age_s, parse_instant
from devices.time_us import rfc3339


@given(st.integers(EARLIEST_US, LATEST_US))
def test_what_is_shown_is_understood_again(instant_us: int) -> None:
    assert parse_instant(rfc3339(instant_us)) == instant_us


def test_a_zone_is_respected() -> None:
    assert parse_instant("1970-01-01T02:00:00+02:00") == parse_instant("1970-01-01t00:00:00z") == 0


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-01",
        "2026-05-01T20:00:00",
        "2026-05-01 20:00:00Z",
        "1777665600",
        "2026-13-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "\u0662026-05-01T20:00:00Z",
        "",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"RFC 3339|1970|month"):
        parse_instant(text)


def test_an_age_is_never_negative() -> None:
    assert (age_s(5, 3), age_s(1_000_000, 3_500_499)) == (0, 2.5)
