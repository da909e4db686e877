"""Both stores give the same percentiles where there is much in each bucket, whoever ranks, and all else beside."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from application.ports.telemetry import Aggregate, BucketAnswer
from application.telemetry.query_budget import QueryBudget, QueryCancelled, QueryTooLarge
from devices.samples import Sample
from devices.time_us import HOUR_US, MINUTE_US, SECOND_US
from storage.telemetry import influx_percentiles
from storage.telemetry.influx_percentiles import share_of
from storage.telemetry.influx_reader import InfluxTelemetryReader
from tests.contracts.telemetry_stores import NOW_US, STORES, Store, by_hand, key, nearest_rank, opened, sample

BEGIN_US = NOW_US - 4 * HOUR_US
END_US = BEGIN_US + 2 * HOUR_US
ALL: tuple[Aggregate, ...] = ("p50", "p95", "p99", "mean", "min", "max", "last", "count", "sum")
FIELDS = ("power_w", "in_octets", "steps")
PART = key(part="link1")


def dense(seed: int = 1) -> list[Sample]:
    """Four samples a minute, sometimes without a field, with a pause of half an hour and doubled numbers."""
    chance = random.Random(seed)
    found = []
    for second in range(7, 7200, 15):
        if 2400 < second < 4100:
            continue
        values = {"power_w": round(chance.uniform(-5, 5), 1), "in_octets": 2**63 + chance.randrange(2**60)}
        if chance.random() < 0.7:
            values["steps"] = chance.randrange(9)
        found.append(sample(BEGIN_US + (second + chance.randrange(8)) * SECOND_US, values, of=PART))
    return found


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Small buckets count as dense, and few samples as many."""
    monkeypatch.setattr(influx_percentiles, "DENSE", 1)
    monkeypatch.setattr("storage.telemetry.influx_reader.one_page_is_enough", lambda *_: False)
    with opened(request, tmp_path) as each:
        yield each


def ask(
    store: Store, width_us: int, aggregates: Sequence[Aggregate] = ALL, budget: QueryBudget | None = None
) -> BucketAnswer:
    reader = store.reader().within(budget or QueryBudget())
    return reader.buckets(
        PART, BEGIN_US, END_US, fields=FIELDS, width_us=width_us, aggregates=aggregates, expected_interval_s=60
    )


@pytest.mark.parametrize("width_us", [17 * MINUTE_US, HOUR_US])
def test_ranks_and_what_stands_beside_them_are_right(store: Store, width_us: int) -> None:
    samples = dense()
    noise = [sample(each.ts_us, {"power_w": 999.0}) for each in samples[::7]]
    store.writer.write(samples + noise)
    found = ask(store, width_us)
    expected = by_hand(samples, BEGIN_US, END_US, width_us, FIELDS)
    assert found.source == "raw"
    assert [bucket.start_us for bucket in found.items] == list(expected)
    for bucket in found.items:
        truth = expected[bucket.start_us]
        assert (bucket.count, bucket.covered_s) == (truth.count, truth.covered_s)
        assert set(bucket.values) == {name for name, numbers in truth.numbers.items() if numbers}
        for name, values in bucket.values.items():
            numbers = truth.numbers[name]
            ranks = {f"p{share:.0f}": nearest_rank(numbers, share / 100) for share in (50, 95, 99)}
            assert {rank: values[rank] for rank in ranks} == ranks, "exactly a number that came"
            assert values == pytest.approx(ranks | {
                "mean": sum(numbers) / len(numbers), "min": min(numbers), "max": max(numbers), "last": numbers[-1],
                "count": len(numbers), "sum": sum(numbers),
            })  # fmt: skip


def test_both_ways_give_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.writer.write(dense(2))
    aggregates: tuple[Aggregate, ...] = ("p50", "p95", "p99", "min", "max", "last", "count")
    ranked = ask(store, 20 * MINUTE_US, aggregates)
    monkeypatch.setattr(influx_percentiles, "DENSE", 10**9)
    assert ranked == ask(store, 20 * MINUTE_US, aggregates)


def test_what_is_ranked_elsewhere_counts_before_it_is_asked_for(store: Store) -> None:
    samples = dense()
    store.writer.write(samples)
    budget = QueryBudget(rows=len(samples) + 1)
    ask(store, HOUR_US, budget=budget)
    assert len(samples) <= budget.rows <= len(samples) + 1, "the pause is one more"
    with pytest.raises(QueryTooLarge):
        ask(store, HOUR_US, budget=QueryBudget(rows=len(samples) - 1))


def test_a_question_that_was_ended_asks_no_more(store: Store) -> None:
    store.writer.write(dense())
    budget = QueryBudget()
    budget.end(QueryCancelled())
    with pytest.raises(QueryCancelled):
        ask(store, HOUR_US, budget=budget)


def test_a_bucket_that_changes_meanwhile_is_right(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = dense()
    late = sample(samples[-1].ts_us + SECOND_US, {"power_w": 4.9, "steps": 1}, of=PART)
    store.writer.write(samples)
    before = influx_percentiles.InfluxPercentiles._ranked

    def changing(ranks: influx_percentiles.InfluxPercentiles, counts: Any) -> Any:
        store.writer.write([late])
        return before(ranks, counts)

    monkeypatch.setattr(influx_percentiles.InfluxPercentiles, "_ranked", changing)
    if isinstance(store.reader(), InfluxTelemetryReader):
        found = ask(store, HOUR_US)
        numbers = by_hand([*samples, late], BEGIN_US, END_US, HOUR_US, FIELDS)
        for bucket in found.items:
            truth = numbers[bucket.start_us]
            assert bucket.count == truth.count
            assert bucket.values["power_w"]["p95"] == nearest_rank(truth.numbers["power_w"], 0.95)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 99, 100, 101, 4093, 86_400, 299_999, 3_000_000])
@pytest.mark.parametrize("percentile", [0.5, 0.95, 0.99])
def test_the_share_hits_the_rank(count: int, percentile: float) -> None:
    share = share_of(percentile, count)
    assert share is None or share * (count - 1) == nearest_rank(range(count), percentile)
