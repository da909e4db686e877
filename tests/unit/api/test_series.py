"""Fields, widths and gaps of series."""

from enum import StrEnum
from itertools import pairwise
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from api.series import chosen_fields, fields_of, gaps_beside, gaps_between, width_us
from application.ports.telemetry import TelemetryBucket
from devices.errors import Invalid
from devices.messages import TelemetryMessage
from devices.time_us import MINUTE_US, SECOND_US


class Mood(StrEnum):
    """For a field that is text."""

    GOOD = "good"


class Place(BaseModel):
    """For a nested field."""

    lat: float
    fixed: bool | None = None


class Toy(TelemetryMessage):
    """One of each type of field."""

    power_w: Annotated[float, Field(ge=0)] | None = None
    count: int = 0
    on: bool = False
    mood: Mood | None = None
    place: Place | None = None
    faults: list[str] = []  # noqa: RUF012


def test_fields_are_flat_as_stored_and_know_what_is_a_number() -> None:
    assert fields_of(Toy) == {
        "power_w": True,
        "count": True,
        "on": False,
        "mood": False,
        "place_lat": True,
        "place_fixed": False,
    }


def test_only_numbers_are_aggregated() -> None:
    assert chosen_fields(Toy, None, numeric=True) == ["power_w", "count", "place_lat"]
    assert chosen_fields(Toy, "count,count,place_lat", numeric=True) == ["count", "place_lat"]
    for wrong in ("mood", "nothing"):
        with pytest.raises(Invalid) as refused:
            chosen_fields(Toy, f"count,{wrong}", numeric=True)
        assert refused.value.field == f"query.fields.{wrong}"


@pytest.mark.parametrize(("bucket", "seconds"), [("1s", 1), ("5m", 300), ("2h", 7200), ("31d", 31 * 86_400)])
def test_widths(bucket: str, seconds: int) -> None:
    assert width_us(bucket) == seconds * SECOND_US


@pytest.mark.parametrize("bucket", ["", "0m", "5", "m", "-5m", "5M", "32d", "99999h", "5m5m", "\u0665m"])
def test_wrong_widths(bucket: str) -> None:
    with pytest.raises(Invalid):
        width_us(bucket)


@given(st.sets(st.integers(0, 100)))
def test_gaps_and_samples_cover_the_span(minutes: set[int]) -> None:
    span = (0, 100 * MINUTE_US)
    instants = [m * MINUTE_US for m in sorted(minutes)]
    gaps = gaps_between(instants, span, 60)
    assert all(b - a > 3 * MINUTE_US for a, b in gaps)
    assert not any(a < i < b for a, b in gaps for i in instants)
    edges = [0, *instants, span[1]]
    assert sum(b - a > 3 * MINUTE_US for a, b in pairwise(edges)) == len(gaps)


def test_a_bucket_without_samples_is_a_gap_only_when_longer_than_three_intervals() -> None:
    buckets = [TelemetryBucket(0, 1, 60, {}), TelemetryBucket(10 * MINUTE_US, 1, 60, {})]
    span = (0, 15 * MINUTE_US)
    assert gaps_beside(buckets, 5 * MINUTE_US, span, 60) == [(5 * MINUTE_US, 10 * MINUTE_US)]
    assert gaps_beside(buckets, 5 * MINUTE_US, span, 120) == []
    assert gaps_beside([], 5 * MINUTE_US, span, 60) == [span]
