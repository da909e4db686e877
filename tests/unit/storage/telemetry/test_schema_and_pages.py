"""Types are the models', refused lines are found alone, pages cover a range exactly once."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from devices.errors import ConfigurationError
from devices.fields import Counter64
from devices.kind import DeviceKind
from devices.kind_catalog import discover_kinds
from devices.messages import StateMessage, TelemetryMessage
from devices.time_us import MINUTE_US
from storage.telemetry import influx_bisect, influx_pages
from storage.telemetry.influx_http import LinesRefusedError
from storage.telemetry.influx_lines import head_of
from storage.telemetry.schema import FieldType, StoreSchema, UnstorableError


class Mixed(TelemetryMessage):
    power_w: float | None = None
    either: int | float | None = None
    octets: Counter64 | None = None
    steps: int = 0
    lit: bool | None = None
    names: list[str] = Field(default=[])


class Taken(TelemetryMessage):
    suspect: bool = False


def test_types_are_those_of_the_model() -> None:
    schema = StoreSchema({"k": DeviceKind("k", "k", Mixed, StateMessage)})
    assert dict(schema.declared("k", "telemetry")) == {
        "power_w": FieldType.FLOAT, "either": FieldType.FLOAT, "octets": FieldType.UINT, "steps": FieldType.INT,
        "lit": FieldType.BOOL,
    }  # fmt: skip
    assert schema.numeric("k", "telemetry") == ("power_w", "either", "octets", "steps")


def test_a_model_must_not_use_the_stores_own_names() -> None:
    with pytest.raises(ConfigurationError, match="suspect"):
        StoreSchema({"k": DeviceKind("k", "k", Taken, StateMessage)})


def test_every_kind_has_a_schema() -> None:
    catalog = discover_kinds()
    schema = StoreSchema(catalog)
    assert all(schema.numeric(kind, "telemetry") for kind in catalog)


def test_names_are_escaped_or_refused() -> None:
    assert head_of("event_a b", "x,y=z", "p") == "event_a\\ b,asset=x\\,y\\=z,part=p "
    for name in ("two\nlines", "ends\\", "#comment", ""):
        with pytest.raises(UnstorableError):
            head_of("telemetry", name, "")


@given(st.integers(min_value=1, max_value=200).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
def test_halving_finds_exactly_the_bad_lines(case: tuple[int, set[int]]) -> None:
    lines, bad = case
    stored: set[int] = set()

    def post(some: Sequence[str]) -> None:
        numbers = {int(line) for line in some}
        if numbers & bad:
            raise LinesRefusedError("no")
        stored.update(numbers)

    assert set(influx_bisect.store_lines(post, [str(number) for number in range(lines)])) == bad
    assert stored == set(range(lines)) - bad


def test_a_request_of_which_all_was_dropped_is_not_halved() -> None:
    calls = []

    def post(some: Sequence[str]) -> None:
        calls.append(len(some))
        raise LinesRefusedError(f"partial write: points beyond retention policy dropped={len(some)}")

    assert set(influx_bisect.store_lines(post, ["x"] * 12_000)) == set(range(12_000))
    assert sorted(calls) == [2_000, 5_000, 5_000]


counted = st.dictionaries(st.integers(0, 100), st.integers(1, 9_000), max_size=40)


@given(counted, st.integers(1, 3_000), st.booleans())
def test_pages_cover_every_window_once_and_in_order(counts: dict[int, int], page: int, newest_first: bool) -> None:  # noqa: FBT001
    windows = [(number * MINUTE_US, count) for number, count in counts.items()]
    to_us = 90 * MINUTE_US + 17
    windows = [(start_us, count) for start_us, count in windows if start_us < to_us]
    spans = list(influx_pages.series_pages(windows, timedelta(minutes=1), to_us, page, newest_first=newest_first))
    assert spans == sorted(spans, reverse=newest_first)
    rising = sorted(spans)
    assert all(first[1] <= second[0] for first, second in pairwise(rising))
    for start_us, _ in windows:
        end_us = min(to_us, start_us + MINUTE_US)
        inside = [(max(a, start_us), min(b, end_us)) for a, b in rising if a < end_us and b > start_us]
        assert sum(b - a for a, b in inside) == end_us - start_us
