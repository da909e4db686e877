"""Both telemetry stores keep the contract of `application.ports.telemetry`: writing and reading samples."""

import random
import threading
import tracemalloc
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from application.ports.telemetry import TelemetryRow
from devices.errors import SamplesRefused
from devices.time_us import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from tests.contracts.telemetry_stores import MINUTES, NOW_US, STORES, Store, key, opened, sample

TS = MINUTES[0]
AWKWARD_TEXTS = (
    'say "dim"', "back\\slash", "ends in \\", "two\nlines", "tab\tand\n\nlines\n", "Straße 🚁 日本", "", " ", "a,b=c d",
    "#datatype,string", "${x} %s %", "'", '"', '\\\\"', "\u2028", ",,\n,,",
)  # fmt: skip


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with opened(request, tmp_path) as each:
        yield each


def test_values_come_back_with_the_types_of_the_model(store: Store) -> None:
    store.writer.write(
        [
            sample(TS, {"power_w": 12, "steps": 3, "in_octets": 2**64 - 1, "lit": True, "mode": "auto", "note": "n"}),
            sample(TS + 1, {"power_w": 12.25, "steps": -3, "in_octets": 0, "lit": False, "supply_voltage_v": 230}),
        ]
    )
    first, second = store.rows(key())
    assert first.values == {
        "power_w": 12.0, "steps": 3, "in_octets": 2**64 - 1, "lit": True, "mode": "auto", "note": "n",
    }  # fmt: skip
    assert second.values == {
        "power_w": 12.25, "steps": -3, "in_octets": 0, "lit": False, "supply_voltage_v": 230.0,
    }  # fmt: skip
    kinds = {name: type(value) for row in (first, second) for name, value in row.values.items()}
    assert kinds == {
        "power_w": float, "steps": int, "in_octets": int, "lit": bool, "mode": str, "note": str,
        "supply_voltage_v": float,
    }  # fmt: skip
    assert type(first.values["power_w"]) is float


def test_floats_come_back_bit_by_bit(store: Store) -> None:
    numbers = [0.1, 1e-300, 1.7976931348623157e308, 5e-324, -0.30000000000000004, 1e22, 123456789.12345679]
    store.writer.write([sample(TS + place, {"power_w": number}) for place, number in enumerate(numbers)])
    assert [row.values["power_w"] for row in store.rows(key())] == numbers


def test_text_comes_back_as_it_was(store: Store) -> None:
    store.writer.write([sample(TS + place, {"note": text}) for place, text in enumerate(AWKWARD_TEXTS)])
    assert [row.values["note"] for row in store.rows(key())] == list(AWKWARD_TEXTS)


def test_a_field_the_model_does_not_know_keeps_one_type(store: Store) -> None:
    store.writer.write([sample(TS, {"extra": 1}), sample(TS + 1, {"extra": 1.5}), sample(TS + 2, {"extra": 2})])
    assert [row.values for row in store.rows(key())] == [{"extra": 1.0}, {"extra": 1.5}, {"extra": 2.0}]


def test_time_of_receipt_and_suspicion_are_kept(store: Store) -> None:
    store.writer.write(
        [
            sample(TS, {"power_w": 1.0}, received_us=TS + 123_457),
            sample(TS + 1, {"power_w": 900.0}, suspect=True),
        ]
    )
    assert store.rows(key()) == [
        TelemetryRow(TS, TS + 123_457, {"power_w": 1.0}, suspect=False),
        TelemetryRow(TS + 1, TS + 8, {"power_w": 900.0}, suspect=True),
    ]


def test_writing_again_changes_nothing(store: Store) -> None:
    batch = [sample(TS + place, {"power_w": place, "note": "x"}) for place in range(50)]
    store.writer.write(batch)
    once = store.rows(key())
    store.writer.write(batch)
    store.writer.write(batch[10:20])
    assert store.rows(key()) == once
    assert len(once) == 50


def test_the_same_sample_twice_in_a_batch_is_one(store: Store) -> None:
    store.writer.write([sample(TS, {"power_w": 1.0})] * 2)
    assert len(store.rows(key())) == 1


def test_nothing_to_write_is_no_error(store: Store) -> None:
    store.writer.write([])
    store.writer.ping()


def test_a_sample_without_values_is_kept(store: Store) -> None:
    store.writer.write([sample(TS, {}, of=key(series="event_opened"))])
    assert store.rows(key(series="event_opened")) == [TelemetryRow(TS, TS + 7, {})]


def test_assets_parts_series_and_kinds_are_kept_apart(store: Store) -> None:
    keys = [
        key(), key("a2"), key(part="link1"), key(part="eth0:1.5"), key(series="event_opened"), key(kind="other"),
        key("A1"), key("a"),
    ]  # fmt: skip
    store.writer.write([sample(TS, {"power_w": place}, of=each) for place, each in enumerate(keys)])
    assert [store.rows(each)[0].values for each in keys] == [{"power_w": float(place)} for place in range(len(keys))]
    assert all(len(store.rows(each)) == 1 for each in keys)


def test_parts_and_series_of_an_asset_are_listed(store: Store) -> None:
    keys = [key(), key(part="link2"), key(part="link1"), key(series="event_opened", part="door"), key("a2", part="z")]
    store.writer.write([sample(TS, {"power_w": 1.0}, of=each) for each in keys])
    reader = store.reader()
    assert list(reader.parts("a1", "probe")) == ["", "link1", "link2"]
    assert list(reader.parts("a1", "probe", "event_opened")) == ["door"]
    assert list(reader.series("a1", "probe")) == ["event_opened", "telemetry"]
    assert list(reader.parts("a1", "other")) == []
    assert list(reader.series("nobody", "probe")) == []


def test_late_and_shuffled_samples_come_back_in_order_of_time(store: Store) -> None:
    batch = [sample(TS + place * SECOND_US, {"power_w": place}) for place in range(200)]
    shuffled = random.Random(1).sample(batch, len(batch))
    store.writer.write(shuffled[:150])
    store.writer.write(shuffled[150:])
    assert [row.ts_us for row in store.rows(key())] == [each.ts_us for each in batch]


def test_a_range_takes_its_start_and_leaves_its_end(store: Store) -> None:
    store.writer.write([sample(TS + place, {"power_w": place}) for place in range(5)])
    rows = store.reader().rows(key(), TS + 1, TS + 3)
    assert [row.values["power_w"] for row in rows] == [1.0, 2.0]
    assert list(store.reader().rows(key(), TS + 3, TS + 3)) == []
    assert list(store.reader().rows(key(), TS + 9, TS + 3)) == []
    assert list(store.reader().rows(key("nobody"), TS, TS + 9)) == []


def test_asked_fields_only(store: Store) -> None:
    store.writer.write(
        [
            sample(TS, {"power_w": 1.0, "note": "x"}, suspect=True),
            sample(TS + 1, {"note": "y"}),
        ]
    )
    rows = list(store.reader().rows(key(), TS, TS + 9, fields=["power_w", "steps"]))
    assert rows == [TelemetryRow(TS, TS + 7, {"power_w": 1.0}, suspect=True), TelemetryRow(TS + 1, TS + 8, {})]


def test_limit_and_direction_over_sparse_and_dense_times(store: Store) -> None:
    times = [NOW_US - 28 * DAY_US + place * 12 * HOUR_US + place for place in range(50)]
    times += [NOW_US - 2 * DAY_US + place * 10_007 for place in range(2_950)]
    store.writer.write([sample(ts_us, {"power_w": 1.0}) for ts_us in times])
    for limit, newest_first in product([None, 0, 1, 7, 2_999, 3_000, 9_999], [False, True]):
        rows = store.reader().rows(key(), NOW_US - 29 * DAY_US, NOW_US, limit=limit, newest_first=newest_first)
        expected = sorted(times, reverse=newest_first)[:limit]
        assert [row.ts_us for row in rows] == expected, (limit, newest_first)


def test_rows_stream_with_flat_memory(store: Store) -> None:
    start_us = NOW_US - 2 * DAY_US
    for first in range(0, 40_000, 5_000):
        batch = [
            sample(start_us + n * SECOND_US, {"power_w": n, "note": "x" * 50}) for n in range(first, first + 5_000)
        ]
        store.writer.write(batch)
    rows = store.reader().rows(key(), start_us, NOW_US)
    next(rows)
    tracemalloc.start()
    count = 1 + sum(1 for _ in rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 40_000
    assert peak < 4_000_000, "40,000 rows held at once take more than 15 MB"


def test_many_threads_may_read(store: Store) -> None:
    store.writer.write([sample(TS + place, {"power_w": place}) for place in range(500)])
    reader = store.reader()
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(len(list(reader.rows(key(), TS, NOW_US))))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [500] * 8


def test_reading_goes_on_while_the_writer_writes(store: Store) -> None:
    store.writer.write([sample(TS + place, {"power_w": place}) for place in range(4_000)])
    rows = store.reader().rows(key(), TS, TS + MINUTE_US)
    first = next(rows)
    store.writer.write([sample(TS + HOUR_US, {"power_w": 1.0})])
    assert first.ts_us == TS
    assert sum(1 for _ in rows) == 3_999


def test_what_can_never_be_stored_is_named_and_all_else_is_stored(store: Store) -> None:
    batch = [sample(TS + place, {"power_w": place}) for place in range(20)]
    batch[3] = sample(TS + 3, {"power_w": float("nan")})
    batch[7] = sample(TS + 7, {"power_w": "much"})
    batch[8] = sample(TS + 8, {"lit": 1})
    batch[11] = sample(TS + 11, {"note": "\ud800"})
    batch[12] = sample(TS + 12, {"power_w": 1.0}, of=key(kind="unheard_of"))
    batch[13] = sample(2**62, {"power_w": 1.0})
    with pytest.raises(SamplesRefused) as caught:
        store.writer.write(batch)
    assert set(caught.value.refused) == {3, 7, 8, 11, 12, 13}
    assert all(caught.value.refused.values())
    assert len(store.rows(key())) == 14
