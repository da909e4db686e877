"""What the telemetry stores do when things go wrong, and how they drop what is too old."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from devices.errors import SamplesRefused, StoreUnavailable
from devices.time_us import DAY_US, HOUR_US, MINUTE_US
from storage.telemetry.influx_http import InfluxHttp
from storage.telemetry.influx_reader import InfluxTelemetryReader
from storage.telemetry.influx_writer import InfluxTelemetryWriter
from storage.telemetry.sqlite_reader import SqliteTelemetryReader
from storage.telemetry.sqlite_writer import SqliteTelemetryWriter
from tests.contracts.telemetry_stores import CATALOG, NOW_US, key, sample
from tests.real_parts.influxdb import InfluxServer

TS = NOW_US - 3 * HOUR_US
BATCH = [sample(TS + place, {"power_w": place}) for place in range(40)]


@pytest.fixture
def influx(influxdb: InfluxServer, bucket_prefix: str, tmp_path: Path) -> Iterator[InfluxTelemetryWriter]:
    writer = influx_writer(influxdb, bucket_prefix, tmp_path / "unrolled.db")
    yield writer
    writer.close()


@pytest.fixture
def influx_reader(influxdb: InfluxServer, bucket_prefix: str) -> Iterator[InfluxTelemetryReader]:
    reader = InfluxTelemetryReader(
        url=influxdb.url,
        org=influxdb.org,
        token=influxdb.token,
        bucket_prefix=bucket_prefix,
        catalog=CATALOG,
        timeout_s=5,
    )
    yield reader
    reader.close()


def influx_writer(
    server: InfluxServer, prefix: str, state_path: Path, *, token: str = "", url: str = "", compress: bool | None = None
) -> InfluxTelemetryWriter:
    return InfluxTelemetryWriter(
        url=url or server.url, org=server.org, token=token or server.token, bucket_prefix=prefix, catalog=CATALOG,
        state_path=state_path, timeout_s=2, compress=compress,
    )  # fmt: skip


def foreign_write(server: InfluxServer, bucket: str, line: str) -> None:
    http = InfluxHttp(url=server.url, org=server.org, token=server.token)
    http.write(bucket, [line])
    http.close()


@pytest.mark.parametrize("of", [{3}, {0, 39}, set(range(40)), set(range(10, 30))])
def test_lines_in_conflict_with_a_foreign_writer_are_refused_and_all_others_stored(
    influx: InfluxTelemetryWriter, influx_reader: InfluxTelemetryReader, influxdb: InfluxServer, bucket_prefix: str,
    of: set[int],
) -> None:  # fmt: skip
    influx.ping()
    foreign_write(influxdb, f"{bucket_prefix}_probe", f'telemetry,asset=a1 supply_voltage_v="text" {TS}')
    batch = [
        sample(TS + place, {"power_w": 1.0, "supply_voltage_v": 230.0} if place in of else {"power_w": 1.0})
        for place in range(40)
    ]
    with pytest.raises(SamplesRefused) as caught:
        influx.write(batch)
    assert set(caught.value.refused) == of
    assert all("field type conflict" in reason for reason in caught.value.refused.values())
    stored = {row.ts_us - TS for row in influx_reader.rows(key(), TS, NOW_US, fields=["power_w"]) if row.values}
    assert stored == set(range(40)) - of


def test_samples_past_the_retention_are_refused_by_influxdb(
    influx: InfluxTelemetryWriter, influx_reader: InfluxTelemetryReader
) -> None:
    batch = [*BATCH[:5], sample(NOW_US - 40 * DAY_US, {"power_w": 1.0}), *BATCH[5:]]
    with pytest.raises(SamplesRefused) as caught:
        influx.write(batch)
    assert set(caught.value.refused) == {5}
    assert len(list(influx_reader.rows(key(), TS, NOW_US))) == 40


def test_influxdb_down_is_unavailable_and_the_same_batch_succeeds_later(
    influx: InfluxTelemetryWriter, influx_reader: InfluxTelemetryReader, influxdb: InfluxServer
) -> None:
    influx.write(BATCH[:20])
    influxdb.server.kill()
    assert not influxdb.server.running()
    for call in (lambda: influx.write(BATCH), influx.ping, lambda: influx.roll_up(NOW_US + DAY_US)):
        with pytest.raises(StoreUnavailable):
            call()
    with pytest.raises(StoreUnavailable):
        list(influx_reader.rows(key(), TS, NOW_US))
    influxdb.server.start()
    influx.write(BATCH)
    assert [row.values["power_w"] for row in influx_reader.rows(key(), TS, NOW_US)] == list(range(40))
    assert influx.roll_up(NOW_US + DAY_US) > 0


def test_influxdb_may_be_down_when_the_writer_is_built(
    influxdb: InfluxServer, bucket_prefix: str, tmp_path: Path, influx_reader: InfluxTelemetryReader
) -> None:
    influxdb.server.kill()
    writer = influx_writer(influxdb, bucket_prefix, tmp_path / "unrolled.db")
    with pytest.raises(StoreUnavailable):
        writer.write(BATCH)
    influxdb.server.start()
    writer.write(BATCH)
    assert len(list(influx_reader.rows(key(), TS, NOW_US))) == 40
    writer.close()


def test_the_last_two_days_are_rolled_up_after_the_loss_of_the_state_file(
    influx: InfluxTelemetryWriter, influxdb: InfluxServer, bucket_prefix: str, tmp_path: Path
) -> None:
    parts = [sample(TS, {"power_w": 3.0}, of=key(part="link1")), sample(TS - 50 * HOUR_US, {"power_w": 3.0})]
    influx.write([*BATCH, *parts])
    writer = influx_writer(influxdb, bucket_prefix, tmp_path / "another.db")
    now_us = NOW_US + HOUR_US
    assert writer.roll_up(now_us) > 0
    http = InfluxHttp(url=influxdb.url, org=influxdb.org, token=influxdb.token)
    flux = "from(bucket: in_bucket) |> range(start: 0) |> filter(fn: (r) => r._measurement == hours and r._field == n)"
    values = {"in_bucket": f"{bucket_prefix}_probe_rollup", "hours": "telemetry.1h", "n": "count"}
    counts = [int(row[table.place["_value"]]) for table, row in http.query(flux, values)]
    assert sorted(counts) == [0, 0, 1, 40], "each series' hour, and the one before that its first sample speaks for"
    http.close()
    writer.close()


def test_a_state_file_that_cannot_be_read_is_unavailable_and_the_rollup_succeeds_later(
    influx: InfluxTelemetryWriter, tmp_path: Path
) -> None:
    influx.write(BATCH)
    with closing(sqlite3.connect(tmp_path / "unrolled.db")) as other:
        other.execute("ALTER TABLE unrolled RENAME TO away")
        with pytest.raises(StoreUnavailable):
            influx.roll_up(NOW_US + DAY_US)
        other.execute("ALTER TABLE away RENAME TO unrolled")
    assert influx.roll_up(NOW_US + DAY_US) > 0


def test_a_silent_influxdb_is_unavailable_after_the_time_out(
    influx: InfluxTelemetryWriter, influx_reader: InfluxTelemetryReader, influxdb: InfluxServer
) -> None:
    influx.write(BATCH[:1])
    with influxdb.server.paused(), pytest.raises(StoreUnavailable, match=r"(?i)timed out"):
        influx.write(BATCH)
    influx.write(BATCH)
    assert len(list(influx_reader.rows(key(), TS, NOW_US))) == 40


def test_a_wrong_token_keeps_everything_and_says_so(influxdb: InfluxServer, bucket_prefix: str, tmp_path: Path) -> None:
    writer = influx_writer(influxdb, bucket_prefix, tmp_path / "unrolled.db", token="wrong")
    calls: list[Callable[[], None]] = [lambda: writer.write(BATCH), writer.ping]
    for call in calls:
        with pytest.raises(StoreUnavailable, match="does not accept the token"):
            call()
    writer.close()


def test_a_bucket_deleted_under_way_keeps_everything_and_says_so(
    influx: InfluxTelemetryWriter, influxdb: InfluxServer, bucket_prefix: str, influx_reader: InfluxTelemetryReader
) -> None:
    influx.write(BATCH)
    influxdb.call("DELETE", f"/api/v2/buckets/{influxdb.buckets(bucket_prefix)[f'{bucket_prefix}_probe']}")
    with pytest.raises(StoreUnavailable, match="does not know"):
        influx.write(BATCH)
    with pytest.raises(StoreUnavailable, match="does not know"):
        list(influx_reader.rows(key(), TS, NOW_US))
    influx.apply_retention(NOW_US)
    influx.write(BATCH)


@pytest.mark.parametrize(
    ("status", "refused"), [(413, True), (500, False), (503, False), (429, False), (302, False), (200, False)]
)
def test_other_answers_of_a_server(
    influxdb: InfluxServer, bucket_prefix: str, tmp_path: Path, status: int, *, refused: bool
) -> None:
    with a_server_that_answers(status) as (url, sizes):
        writer = influx_writer(influxdb, bucket_prefix, tmp_path / "unrolled.db", url=url)
        writer._buckets_there = True
        events = [sample(TS + place, {}, of=key(series="event_opened")) for place in range(40)]
        with pytest.raises(SamplesRefused if refused else StoreUnavailable):
            writer.write(events)
        assert len(sizes) == (79 if refused else 1), "413 halves down to single lines, anything else stops at once"
        writer.close()


def test_a_token_that_does_not_see_the_organisation_keeps_everything_and_says_so(
    influxdb: InfluxServer, bucket_prefix: str, tmp_path: Path
) -> None:
    token = influxdb.create_token("read", "write", sees_organisation=False)
    writer = influx_writer(influxdb, bucket_prefix, tmp_path / "unrolled.db", token=token.text)
    with pytest.raises(StoreUnavailable, match="organization"):
        writer.write(BATCH)
    writer.close()


@contextmanager
def a_server_that_answers(status: int) -> Iterator[tuple[str, list[int]]]:
    """Its address and the size of each request."""
    sizes: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sizes.append(len(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"no")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", sizes
        finally:
            server.shutdown()
            thread.join()


def test_compressed_writes_arrive(influxdb: InfluxServer, bucket_prefix: str, tmp_path: Path) -> None:
    writer = influx_writer(influxdb, bucket_prefix, tmp_path / "unrolled.db", compress=True)
    writer.write(BATCH)
    writer.close()
    reader = InfluxTelemetryReader(
        url=influxdb.url, org=influxdb.org, token=influxdb.token, bucket_prefix=bucket_prefix, catalog=CATALOG
    )
    assert len(list(reader.rows(key(), TS, NOW_US))) == 40
    reader.close()


def test_buckets_have_their_kinds_retention_and_get_it_back(
    influx: InfluxTelemetryWriter, influxdb: InfluxServer, bucket_prefix: str
) -> None:
    influx.ping()
    influxdb.call(
        "PATCH", f"/api/v2/buckets/{influxdb.buckets(bucket_prefix)[f'{bucket_prefix}_probe']}", {"retentionRules": []}
    )
    influx.apply_retention(NOW_US)
    found = influxdb.call("GET", "/api/v2/buckets?limit=100")["buckets"]
    days = {
        bucket["name"].removeprefix(bucket_prefix): bucket["retentionRules"][0]["everySeconds"] / 86_400
        for bucket in found
        if bucket["name"].startswith(bucket_prefix)
    }
    assert days == {"_probe": 30, "_probe_rollup": 90, "_other": 30, "_other_rollup": 90}


def test_an_answer_that_breaks_off_is_unavailable(
    influx: InfluxTelemetryWriter, influxdb: InfluxServer, bucket_prefix: str
) -> None:
    influx.write(BATCH)
    http = InfluxHttp(url=influxdb.url, org=influxdb.org, token=influxdb.token)
    flux = (
        'import "array"\narray.from(rows: [{_value: 1.0}]) |> yield(name: "good")\n'
        'from(bucket: in_bucket) |> range(start: 0) |> filter(fn: (r) => r._field == "power_w")\n'
        '  |> map(fn: (r) => ({r with _value: if r._value > 30.0 then die(msg: "broken") else r._value}))'
    )
    with pytest.raises(StoreUnavailable, match="broken"):
        list(http.query(flux, {"in_bucket": f"{bucket_prefix}_probe"}))
    http.close()


def test_ids_from_outside_cannot_change_a_query(
    influx: InfluxTelemetryWriter, influx_reader: InfluxTelemetryReader
) -> None:
    influx.write(BATCH)
    hostile = 'a1" or true or r.asset == "'
    assert list(influx_reader.rows(key(hostile), TS, NOW_US)) == []
    assert list(influx_reader.parts(hostile, "probe")) == []
    assert [row.values for row in influx_reader.rows(key(), TS, TS + 1, fields=['x" or true or "', "power_w"])] == [
        {"power_w": 0.0}
    ]


def test_sqlite_keeps_what_lasts_and_drops_the_rest(tmp_path: Path) -> None:
    writer = SqliteTelemetryWriter(path=tmp_path / "t.db", catalog=CATALOG)
    times = [NOW_US - days * DAY_US - MINUTE_US for days in (0, 29, 30, 31, 89, 95)]
    writer.write([sample(ts_us, {"power_w": 1.0}) for ts_us in times])
    while writer.roll_up(NOW_US + DAY_US):
        pass
    assert sum(writer.apply_retention(NOW_US).values()) > 0
    assert writer.apply_retention(NOW_US) == {}
    reader = SqliteTelemetryReader(path=tmp_path / "t.db", catalog=CATALOG, now_us=lambda: NOW_US)
    assert [row.ts_us for row in reader.rows(key(), 0, NOW_US)] == sorted(times[:2])
    reader.close()
    writer.close()


def test_sqlite_without_a_file_is_unavailable(tmp_path: Path) -> None:
    reader = SqliteTelemetryReader(path=tmp_path / "t.db", catalog=CATALOG)
    with pytest.raises(StoreUnavailable):
        list(reader.rows(key(), TS, NOW_US))
    writer = SqliteTelemetryWriter(path=tmp_path / "t.db", catalog=CATALOG)
    writer.write(BATCH)
    assert len(list(reader.rows(key(), TS, NOW_US))) == 40
    reader.close()
    writer.close()
    assert not (tmp_path / "t.db-wal").exists(), "the writer closed last and folded its log in"


def test_a_full_sqlite_file_is_unavailable_and_nothing_of_the_batch_is_kept(tmp_path: Path) -> None:
    writer = SqliteTelemetryWriter(path=tmp_path / "t.db", catalog=CATALOG)
    writer.write(BATCH[:10])
    writer._connection.execute("PRAGMA max_page_count = 12")
    much = [sample(TS + place, {"note": "x" * 200}, of=key(f"b{place % 7}")) for place in range(5_000)]
    with pytest.raises(StoreUnavailable, match="full"):
        writer.write(much)
    writer._connection.execute("PRAGMA max_page_count = 100000")
    reader = SqliteTelemetryReader(path=tmp_path / "t.db", catalog=CATALOG)
    assert [len(list(reader.rows(key(asset_id), TS, NOW_US))) for asset_id in ("a1", "b0", "b6")] == [10, 0, 0]
    writer.write(much)
    assert sum(len(list(reader.rows(key(f"b{n}"), TS, NOW_US))) for n in range(7)) == 5_000
    reader.close()
    writer.close()


def test_readers_of_the_file_cannot_write(tmp_path: Path) -> None:
    writer = SqliteTelemetryWriter(path=tmp_path / "t.db", catalog=CATALOG)
    reader = SqliteTelemetryReader(path=tmp_path / "t.db", catalog=CATALOG)
    with pytest.raises(StoreUnavailable, match="readonly"), reader._connection() as connection:
        connection.execute("DELETE FROM sample")
    reader.close()
    writer.close()
