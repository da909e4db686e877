"""Hours are marked for their rollup once, and again after they were rolled up."""

import sqlite3
from collections.abc import Iterator

import pytest

from devices.samples import Sample
from devices.time_us import HOUR_US, MINUTE_US
from storage.telemetry.series_index import SeriesBook
from storage.telemetry.sqlite_file import SERIES_TABLES

HOUR: int = 480_000 * HOUR_US
REACH_US = 3 * MINUTE_US


def sample(ts_us: int, asset_id: str = "l1") -> Sample:
    return Sample(asset_id, "streetlight", "t", "telemetry", "", ts_us, ts_us, {"power_w": 1.0})


@pytest.fixture
def book() -> Iterator[SeriesBook]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(SERIES_TABLES)
    yield SeriesBook(connection, lambda _kind: REACH_US)
    connection.close()


def test_an_hour_is_new_once_for_each_series(book: SeriesBook) -> None:
    assert book.mark([sample(HOUR + REACH_US)]) == {"streetlight": HOUR}
    assert book.mark([sample(HOUR + REACH_US), sample(HOUR + HOUR_US - 1)]) == {}
    assert book.mark([sample(HOUR + REACH_US, "l2")]) == {"streetlight": HOUR}


def test_a_sample_soon_after_the_hour_marks_the_hour_before_it_too(book: SeriesBook) -> None:
    book.mark([sample(HOUR + 30 * MINUTE_US)])
    assert book.mark([sample(HOUR + REACH_US - 1)]) == {"streetlight": HOUR - HOUR_US}
    assert len(book.marked("streetlight", HOUR - HOUR_US, 10)) == 1


def test_what_comes_after_the_rollup_marks_again(book: SeriesBook) -> None:
    book.mark([sample(HOUR + 30 * MINUTE_US)])
    (series_id, _), *_ = book.marked("streetlight", HOUR, 10)
    book.unmark(HOUR, [series_id])
    assert book.marked("streetlight", HOUR, 10) == []
    assert book.mark([sample(HOUR + 31 * MINUTE_US)]) == {"streetlight": HOUR}
    assert len(book.marked("streetlight", HOUR, 10)) == 1


def test_after_a_rollback_all_is_marked_anew(book: SeriesBook) -> None:
    book.mark([sample(HOUR + 30 * MINUTE_US)])
    book.forget()
    assert book.mark([sample(HOUR + 30 * MINUTE_US)]) == {"streetlight": HOUR}
