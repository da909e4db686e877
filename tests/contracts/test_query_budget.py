"""Both telemetry stores count what they read for a question, and end it when its budget does."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from application.ports.telemetry import TelemetryReader
from application.telemetry.query_budget import QueryBudget, QueryCancelled, QueryTooLarge
from devices.time_us import HOUR_US, MINUTE_US, SECOND_US
from storage.telemetry.sqlite_reader import SqliteTelemetryReader
from tests.contracts.telemetry_stores import NOW_US, STORES, Store, key, opened, sample
from tests.real_parts.waiting import wait_until

MANY = 5_000
BEGIN_US = NOW_US - 2 * HOUR_US


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with opened(request, tmp_path) as each:
        each.writer.write([sample(BEGIN_US + n * SECOND_US, {"power_w": float(n % 100)}) for n in range(MANY)])
        yield each


def percentiles(store: Store, budget: QueryBudget) -> list[float]:
    found = (
        store.reader()
        .within(budget)
        .buckets(
            key(),
            BEGIN_US,
            BEGIN_US + MANY * SECOND_US,
            fields=("power_w",),
            width_us=24 * 60 * MINUTE_US,
            aggregates=("p50", "p95", "p99"),
            expected_interval_s=1,
        )
    )
    assert sum(bucket.count for bucket in found.items) == MANY
    return [found.items[-1].values["power_w"][name] for name in ("p50", "p95", "p99")]


def test_what_is_read_is_counted_and_kept_numbers_only_while_their_bucket_is_open(store: Store) -> None:
    budget = QueryBudget(rows=MANY, held_bytes=100_000)
    assert percentiles(store, budget) == [49.0, 94.0, 98.0]
    assert budget.rows == MANY
    assert budget.held_bytes < 10_000


def test_one_row_too_many_is_refused(store: Store) -> None:
    with pytest.raises(QueryTooLarge):
        percentiles(store, QueryBudget(rows=MANY - 1))


def test_a_reader_whose_caller_left_reads_no_more(store: Store) -> None:
    budget = QueryBudget()
    rows = store.reader().within(budget).rows(key(), BEGIN_US, NOW_US, limit=MANY)
    next(rows)
    budget.end(QueryCancelled())
    with pytest.raises(QueryCancelled):
        list(rows)
    assert budget.rows < MANY
    assert len(store.rows(key())) == MANY, "others read on"


def test_a_question_that_the_store_works_on_is_interrupted(store: Store, request: pytest.FixtureRequest) -> None:
    budget, raised = QueryBudget(), list[BaseException]()
    reader = store.reader().within(budget)

    def run() -> None:
        try:
            _ask_for_ever(reader)
        except QueryCancelled as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    with _silent(store, request):
        thread.start()
        try:
            wait_until(lambda: budget.is_asking, what="the question is asked")
        finally:
            budget.end(QueryCancelled())
            thread.join(10)
        assert not thread.is_alive()
    assert [type(error) for error in raised] == [QueryCancelled]
    assert len(store.rows(key())) == MANY, "others read on"


def _ask_for_ever(reader: TelemetryReader) -> None:
    if isinstance(reader, SqliteTelemetryReader):
        endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
        with reader._connection() as connection:
            connection.execute(endless).fetchall()
    else:
        list(reader.rows(key(), BEGIN_US, NOW_US))


def _silent(store: Store, request: pytest.FixtureRequest) -> AbstractContextManager[object]:
    return nullcontext() if store.name == "sqlite" else request.getfixturevalue("influxdb").server.paused()
