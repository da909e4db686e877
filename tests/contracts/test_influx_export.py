"""Buckets taken out of a real InfluxDB and put into empty ones: every value, its type and its time."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devices.errors import Invalid, StoreUnavailable
from devices.samples import SeriesKey
from devices.time_us import DAY_US, HOUR_US, MINUTE_US
from storage.telemetry import influx_export
from storage.telemetry.influx_export import InfluxExport
from storage.telemetry.influx_http import InfluxHttp
from storage.telemetry.influx_import import InfluxImport
from storage.telemetry.influx_reader import InfluxTelemetryReader
from storage.telemetry.influx_writer import InfluxTelemetryWriter
from tests.contracts.telemetry_stores import CATALOG, NOW_US, a_noisy_day, key, sample
from tests.real_parts.influxdb import InfluxServer

END_US = NOW_US + DAY_US
BEGIN_US = NOW_US - 60 * DAY_US


@pytest.fixture
def old(influxdb: InfluxServer, bucket_prefix: str) -> str:
    return f"{bucket_prefix}a"


@pytest.fixture
def new(influxdb: InfluxServer, bucket_prefix: str) -> str:
    return f"{bucket_prefix}b"


@pytest.fixture
def export(influxdb: InfluxServer) -> Iterator[InfluxExport]:
    opened = InfluxExport(url=influxdb.url, org=influxdb.org, token=influxdb.token)
    yield opened
    opened.close()


@pytest.fixture
def into(influxdb: InfluxServer) -> Iterator[InfluxImport]:
    opened = InfluxImport(url=influxdb.url, org=influxdb.org, token=influxdb.token)
    yield opened
    opened.close()


@pytest.fixture
def http(influxdb: InfluxServer) -> Iterator[InfluxHttp]:
    opened = InfluxHttp(url=influxdb.url, org=influxdb.org, token=influxdb.token)
    yield opened
    opened.close()


def taken_out(export: InfluxExport, bucket: str) -> tuple[list[bytes], int]:
    portions = list(export.lines(bucket, BEGIN_US, END_US))
    pieces = "".join(f"{line}\n" for lines, _ in portions for line in lines).encode().splitlines(keepends=True)
    return pieces, sum(values for _, values in portions)


def points(http: InfluxHttp, bucket: str) -> set[tuple[str, ...]]:
    """All that Flux tells of a bucket, with the types of its values."""
    text = f'from(bucket: "{bucket}") |> range(start: 2000-01-01T00:00:00Z, stop: 2100-01-01T00:00:00Z)'
    return {
        (
            table.types[table.place["_value"]],
            *(row[at] for name, at in sorted(table.place.items()) if name not in {"", "table"}),
        )
        for table, row in http.query(text, {})
    }


T_NS = NOW_US * 1000
ODD = [
    f"m,asset=a\\ 1,part=x\\,y\\=z f=1.0000000000000002,i=-9223372036854775808i,u=18446744073709551615u {T_NS + 1}",
    f"m,asset=a\\ 1,part=x\\,y\\=z b=false,f=-1e300 {T_NS + 2}",
    f"m,asset=a\\ 1,part=x\\,y\\=z b=true {T_NS + 1}",
    f'm,asset=ü f=5,s="" {T_NS + 123456789}',
    f'm,asset=ü s="a \\"quoted\\" text, with = and \\\\" {T_NS + 3}',
    f'm,asset=ü s="two\nlines,\n\n\\"odd\n" {T_NS + 4}',
    f"r.1h,asset=a f.min=0.1,f.n=3i,count=60i {T_NS + 5}",
    f"rollups.progress through_us=1i {T_NS + 6}",
]


def test_every_type_name_and_time_comes_back_exactly(
    export: InfluxExport, into: InfluxImport, http: InfluxHttp, old: str, new: str
) -> None:
    http.ensure_bucket(old, 0)
    http.write(old, ODD, "ns")
    pieces, values = taken_out(export, old)
    into.make(new, 0)
    assert into.is_empty(new, END_US)
    assert into.put(new, 0, pieces) == 0
    assert not into.is_empty(new, END_US)
    assert points(http, new) == points(http, old)
    assert values == len(points(http, old)) == export.count(new, BEGIN_US, END_US) == 14


def test_samples_and_rollups_read_the_same_from_the_new_buckets(  # noqa: PLR0917
    export: InfluxExport,
    into: InfluxImport,
    influxdb: InfluxServer,
    old: str,
    new: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(influx_export, "VALUES_HELD", 700)
    monkeypatch.setattr(influx_export, "VALUES_A_SLICE", 1500)
    place: dict[str, Any] = {"url": influxdb.url, "org": influxdb.org, "token": influxdb.token}
    writer = InfluxTelemetryWriter(**place, bucket_prefix=old, catalog=CATALOG, state_path=tmp_path / "s.db")
    of = [key("a1"), key("a2", part="p1")]
    for each in of:
        writer.write(a_noisy_day(3, NOW_US - 2 * DAY_US, of=each))
    writer.write([sample(NOW_US - MINUTE_US, {"note": "zwölf\nZeilen", "lit": True}, suspect=True)])
    while writer.roll_up(NOW_US + HOUR_US):
        pass
    writer.close()
    for end in ("_probe", "_probe_rollup"):
        retention_s = export.retention_s(old + end)
        assert retention_s
        pieces, values = taken_out(export, old + end)
        into.make(new + end, retention_s)
        assert into.put(new + end, retention_s, pieces) == 0
        assert export.count(new + end, BEGIN_US, END_US) == values > 1500
        assert export.retention_s(new + end) == retention_s
    seen = []
    for prefix in (old, new):
        reader = InfluxTelemetryReader(**place, bucket_prefix=prefix, catalog=CATALOG, raw_rows_max=10)
        seen.append([told(reader, each) for each in of])
        reader.close()
    assert seen[0] == seen[1]


def told(reader: InfluxTelemetryReader, of: SeriesKey) -> object:
    span = (NOW_US - 3 * DAY_US, NOW_US)
    buckets = reader.buckets(
        of, *span, fields=["power_w", "in_octets"], width_us=HOUR_US, aggregates=["mean", "max"], expected_interval_s=60
    )
    assert buckets.source == "1h"
    assert buckets.items
    return list(reader.rows(of, *span)), buckets


def test_a_server_that_dies_meanwhile_is_asked_again_and_nothing_counted_twice(
    export: InfluxExport, http: InfluxHttp, influxdb: InfluxServer, old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(influx_export, "VALUES_HELD", 1000)
    http.ensure_bucket(old, 0)
    at_us = NOW_US - HOUR_US
    for start in range(0, 60_000, 5000):
        http.write(old, [f"m,asset=a{n % 20} f={n},g={n}i {at_us + n}" for n in range(start, start + 5000)])
    told = export.lines(old, NOW_US - DAY_US, END_US)
    lines, values = next(told)
    lines = list(lines)
    influxdb.server.kill()
    influxdb.server.start()
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    for more, held in told:
        lines += more
        values += held
    assert pauses, "the server's death was not noticed"
    assert values == 120_000
    assert len(lines) > len(set(lines))
    fields = {(line.split(" ")[0], line.split(" ")[2], f) for line in lines for f in line.split(" ")[1].split(",")}
    assert len(fields) == 120_000


def test_what_has_expired_is_left_out_and_counted(
    export: InfluxExport, into: InfluxImport, http: InfluxHttp, old: str, new: str
) -> None:
    http.ensure_bucket(old, 0)
    http.write(old, [f'm,asset=a f=1,g="a, b",h=2i {NOW_US - days * DAY_US}' for days in (0, 1, 3, 4)])
    pieces, values = taken_out(export, old)
    into.make(new, 2 * 86_400)
    assert into.put(new, 2 * 86_400, pieces) == 6
    assert (values, export.count(new, BEGIN_US, END_US)) == (12, 6)


def test_what_is_no_line_is_refused(into: InfluxImport, new: str) -> None:
    into.make(new, 0)
    with pytest.raises(Invalid):
        into.put(new, 0, [b"this is no line\n"])


def test_a_wrong_token_says_so_at_once(influxdb: InfluxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    export = InfluxExport(url=influxdb.url, org=influxdb.org, token="wrong")
    pauses: list[float] = []
    monkeypatch.setattr("storage.telemetry.influx_export.time.sleep", pauses.append)
    with pytest.raises(StoreUnavailable, match="does not accept the token"):
        export.retention_s("any")
    assert pauses == []
    export.close()


def test_a_bucket_that_is_not_there(export: InfluxExport, new: str) -> None:
    assert export.retention_s(new) is None
