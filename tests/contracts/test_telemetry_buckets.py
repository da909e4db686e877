"""Both telemetry stores keep the contract of `application.ports.telemetry`: buckets, rollups and retention."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from application.ports.telemetry import Aggregate, BucketAnswer
from devices.errors import RawDataGone
from devices.samples import Sample
from devices.time_us import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from tests.contracts.telemetry_stores import (
    NOW_US,
    STORES,
    Store,
    a_noisy_day,
    by_hand,
    key,
    nearest_rank,
    opened,
    sample,
)

YESTERDAY = (NOW_US // DAY_US - 2) * DAY_US
ALL: tuple[Aggregate, ...] = ("mean", "min", "max", "last", "count", "sum")
FIELDS = ("power_w", "in_octets")


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with opened(request, tmp_path) as each:
        yield each


def ask(
    store: Store,
    width_us: int,
    from_us: int = YESTERDAY,
    to_us: int = YESTERDAY + DAY_US,
    *,
    aggregates: Sequence[Aggregate] = ALL,
    raw_rows_max: int = 10_000,
    now_us: int = NOW_US,
) -> BucketAnswer:
    reader = store.reader(raw_rows_max=raw_rows_max, now_us=now_us)
    return reader.buckets(
        key(), from_us, to_us, fields=FIELDS, width_us=width_us, aggregates=aggregates, expected_interval_s=60
    )


def assert_same(found: BucketAnswer, samples: Sequence[Sample], from_us: int, to_us: int) -> None:
    expected = by_hand(samples, from_us, to_us, found.width_us, FIELDS)
    assert [bucket.start_us for bucket in found.items] == list(expected)
    for bucket in found.items:
        truth = expected[bucket.start_us]
        assert bucket.count == truth.count
        assert bucket.covered_s == truth.covered_s
        for name, numbers in truth.numbers.items():
            if not numbers:
                assert name not in bucket.values
                continue
            assert bucket.values[name] == pytest.approx({
                "mean": sum(numbers) / len(numbers), "min": min(numbers), "max": max(numbers), "last": numbers[-1],
                "count": len(numbers), "sum": sum(numbers),
            })  # fmt: skip


@pytest.mark.parametrize(
    "width_us", [20 * SECOND_US, MINUTE_US, 5 * MINUTE_US, 7 * MINUTE_US, HOUR_US, 5 * HOUR_US, DAY_US]
)
def test_buckets_of_raw_samples_are_right(store: Store, width_us: int) -> None:
    samples = a_noisy_day(width_us, YESTERDAY)
    store.writer.write(samples)
    found = ask(store, width_us)
    assert found.source == "raw"
    assert_same(found, samples, YESTERDAY, YESTERDAY + DAY_US)


@pytest.mark.parametrize(
    ("width_us", "source"),
    [
        (MINUTE_US, "1m"),
        (5 * MINUTE_US, "5m"),
        (15 * MINUTE_US, "5m"),
        (HOUR_US, "1h"),
        (DAY_US, "1h"),
        (7 * MINUTE_US, "1m"),
    ],
)
def test_buckets_of_rollups_are_right(store: Store, width_us: int, source: str) -> None:
    samples = a_noisy_day(width_us, YESTERDAY)
    store.writer.write(samples)
    store.roll_up()
    found = ask(store, width_us, raw_rows_max=1)
    assert found.source == source
    assert_same(found, samples, YESTERDAY, YESTERDAY + DAY_US)


def test_late_samples_reach_the_rollups(store: Store) -> None:
    samples = a_noisy_day(3, YESTERDAY)
    late = samples[100:160] + samples[700:701]
    store.writer.write([each for each in samples if each not in late])
    assert store.roll_up() > 0
    assert store.roll_up() == 0
    store.writer.write(late[::-1])
    assert store.roll_up() > 0
    for width_us in (MINUTE_US, 5 * MINUTE_US, HOUR_US):
        assert_same(ask(store, width_us, raw_rows_max=1), samples, YESTERDAY, YESTERDAY + DAY_US)


def test_what_awaits_its_rollup_survives_a_restart(store: Store) -> None:
    samples = a_noisy_day(4, YESTERDAY, hours=6)
    store.writer.write(samples)
    store.reopen()
    assert store.roll_up() > 0
    found = ask(store, HOUR_US, YESTERDAY, YESTERDAY + 6 * HOUR_US, raw_rows_max=1)
    assert_same(found, samples, YESTERDAY, YESTERDAY + 6 * HOUR_US)


def test_the_hour_that_runs_is_in_the_answer_before_its_rollup(store: Store) -> None:
    start_us = NOW_US - 5 * HOUR_US
    samples = [each for each in a_noisy_day(5, start_us, hours=6) if each.ts_us < NOW_US + 20 * MINUTE_US]
    store.writer.write(samples)
    now_us = NOW_US + 20 * MINUTE_US
    store.roll_up(now_us)
    for width_us in (MINUTE_US, 5 * MINUTE_US, HOUR_US):
        found = ask(store, width_us, start_us, now_us, raw_rows_max=1, now_us=now_us)
        assert found.source != "raw"
        assert_same(found, samples, start_us, now_us)


def test_no_answer_misses_hours_whose_rollup_is_late(store: Store) -> None:
    first, then = a_noisy_day(8, YESTERDAY, hours=5), a_noisy_day(9, YESTERDAY + 5 * HOUR_US, hours=5)
    store.writer.write(first)
    store.roll_up()
    store.writer.write(then)
    for hours in (5, 10, 24):
        found = ask(store, HOUR_US, to_us=YESTERDAY + hours * HOUR_US, raw_rows_max=1)
        assert found.source == "1h"
        assert_same(found, [*first, *then], YESTERDAY, YESTERDAY + hours * HOUR_US)


def test_an_hour_is_rolled_up_once_it_has_settled(store: Store) -> None:
    start_us = NOW_US - HOUR_US
    store.writer.write([sample(start_us + 600 * SECOND_US, {"power_w": 1.0})])
    assert store.writer.roll_up(NOW_US + 4 * MINUTE_US) == 0
    assert store.writer.roll_up(NOW_US + 5 * MINUTE_US) > 0


def test_every_part_and_asset_has_its_rollups(store: Store) -> None:
    keys = [key(), key(part="link1"), key("a2"), key("a2", part="link1"), key(kind="other")]
    batches = [a_noisy_day(seed, YESTERDAY, hours=3, of=each) for seed, each in enumerate(keys)]
    store.writer.write([each for batch in batches for each in batch])
    store.roll_up()
    reader = store.reader(raw_rows_max=1)
    for each, batch in zip(keys, batches, strict=True):
        found = reader.buckets(
            each,
            YESTERDAY,
            YESTERDAY + 3 * HOUR_US,
            fields=FIELDS,
            width_us=HOUR_US,
            aggregates=ALL,
            expected_interval_s=60,
        )
        assert found.source == "1h"
        assert_same(found, batch, YESTERDAY, YESTERDAY + 3 * HOUR_US)


def test_events_are_read_raw_and_not_rolled_up(store: Store) -> None:
    of = key(series="event_opened")
    store.writer.write([sample(YESTERDAY + place * MINUTE_US, {"angle_deg": place}, of=of) for place in range(100)])
    assert store.roll_up() == 0
    found = store.reader(raw_rows_max=1).buckets(
        of,
        YESTERDAY,
        YESTERDAY + DAY_US,
        fields=["angle_deg"],
        width_us=HOUR_US,
        aggregates=["max"],
        expected_interval_s=60,
    )
    assert (found.source, [bucket.values for bucket in found.items]) == (
        "raw",
        [{"angle_deg": {"max": 59.0}}, {"angle_deg": {"max": 99.0}}],
    )


def test_whole_buckets_that_overlap_the_range(store: Store) -> None:
    samples = [sample(YESTERDAY + place * MINUTE_US, {"power_w": place}) for place in range(60)]
    store.writer.write(samples)
    store.roll_up()
    from_us, to_us = YESTERDAY + 12 * MINUTE_US, YESTERDAY + 20 * MINUTE_US + 1
    for raw_rows_max in (10_000, 0):
        found = ask(store, 5 * MINUTE_US, from_us, to_us, raw_rows_max=raw_rows_max)
        assert [(bucket.start_us - YESTERDAY) // MINUTE_US for bucket in found.items] == [10, 15, 20]
        assert [bucket.count for bucket in found.items] == [5, 5, 5]
        assert [bucket.covered_s for bucket in found.items] == [300, 300, 300]
        assert ask(store, 5 * MINUTE_US, from_us, from_us, raw_rows_max=raw_rows_max).items == []


def test_percentiles_are_measured_values(store: Store) -> None:
    samples = a_noisy_day(6, YESTERDAY)
    store.writer.write(samples)
    store.roll_up()
    found = ask(store, HOUR_US, aggregates=["p50", "p95", "p99", "mean"], raw_rows_max=1)
    assert found.source == "raw"
    expected = by_hand(samples, YESTERDAY, YESTERDAY + DAY_US, HOUR_US, FIELDS)
    for bucket in found.items:
        for name, numbers in expected[bucket.start_us].numbers.items():
            ranked = {
                "p50": nearest_rank(numbers, 0.5),
                "p95": nearest_rank(numbers, 0.95),
                "p99": nearest_rank(numbers, 0.99),
            }
            assert bucket.values[name] == pytest.approx(ranked | {"mean": sum(numbers) / len(numbers)})


def test_a_gap_is_no_bucket_and_no_zero(store: Store) -> None:
    store.writer.write(
        [sample(YESTERDAY + minute * MINUTE_US, {"power_w": 5.0}) for minute in (*range(1, 11), *range(41, 61))]
    )
    store.roll_up()
    for raw_rows_max in (10_000, 0):
        found = ask(store, 5 * MINUTE_US, to_us=YESTERDAY + HOUR_US, raw_rows_max=raw_rows_max)
        starts = [(bucket.start_us - YESTERDAY) // MINUTE_US for bucket in found.items]
        assert starts == [0, 5, 10, 40, 45, 50, 55]
        assert [bucket.covered_s for bucket in found.items] == [300, 300, 0, 300, 300, 300, 300]
        assert {bucket.values["power_w"]["min"] for bucket in found.items} == {5.0}


def test_truth_values_and_texts_have_no_buckets(store: Store) -> None:
    store.writer.write([sample(YESTERDAY, {"lit": True, "mode": "auto", "steps": 3})])
    found = store.reader().buckets(
        key(), YESTERDAY, YESTERDAY + DAY_US, fields=["lit", "mode", "steps"], width_us=HOUR_US, aggregates=["max"],
        expected_interval_s=60,
    )  # fmt: skip
    assert [bucket.values for bucket in found.items] == [{"steps": {"max": 3.0}}]


def test_past_the_raw_retention_only_rollups_answer(store: Store) -> None:
    samples = a_noisy_day(7, YESTERDAY)
    store.writer.write(samples)
    store.roll_up()
    later_us = YESTERDAY + 31 * DAY_US
    found = ask(store, HOUR_US, now_us=later_us)
    assert found.source == "1h"
    assert_same(found, samples, YESTERDAY, YESTERDAY + DAY_US)
    with pytest.raises(RawDataGone):
        ask(store, HOUR_US, aggregates=["p95"], now_us=later_us)
    with pytest.raises(RawDataGone):
        ask(store, 20 * SECOND_US, now_us=later_us)
