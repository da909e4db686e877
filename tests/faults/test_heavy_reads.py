"""A11: reads of a whole store, many at once, by callers that stay or leave; one viewer with hundreds of streams."""

import contextlib
import json
import socket
import sqlite3
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from api.limits import ApiLimits
from benchmarks.parts.cost import cpu_s, pss_mb
from devices.kind_catalog import discover_kinds
from devices.samples import TELEMETRY, Sample
from devices.time_us import SECOND_US, rfc3339
from storage.telemetry.influx_writer import InfluxTelemetryWriter
from storage.telemetry.sqlite_writer import SqliteTelemetryWriter
from tests.faults.account import newest_age_s, settle
from tests.faults.conftest import Report
from tests.faults.publishing import LONG, publishing
from tests.real_parts.brokers import Broker
from tests.real_parts.influxdb import InfluxServer
from tests.real_parts.waiting import wait_until
from tests.system.installation import Installation, Rest, running
from tests.system.speaking import now_us

LAMP: Final = "large-1"
SAMPLES: Final = 1_000_000 if LONG else 200_000
AT_ONCE: Final = 50
RATE: Final = 200
LATEST_S: Final = 5
"""Generous, as two processors do all of it at once."""
MOST_MB: Final = 300
STREAMS: Final = 600 if LONG else 100
pytestmark = pytest.mark.timeout(1800 if LONG else 180)


def fill(folder: Path, end_us: int, samples: int = SAMPLES) -> None:
    """One sample a second of one lamp until `end_us`, made in SQLite itself."""
    path = folder / "telemetry.db"
    writer = SqliteTelemetryWriter(path=path, catalog=discover_kinds())
    writer.write([Sample(LAMP, "streetlight", "kl", TELEMETRY, "", end_us, end_us, {"power_w": 1.0})])
    writer.close()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            """WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ?)
               INSERT INTO sample SELECT 1, ? - x * 1000000, ? - x * 1000000 + 50000, 0,
               json_object('power_w', abs(random() % 900) / 10.0, 'level_pct', x % 101, 'voltage_v', 230.0) FROM n""",
            (samples, end_us, end_us),
        )


def percentiles(end_us: int, samples: int = SAMPLES) -> str:
    """Path of a question that reads all of it."""
    span = urllib.parse.urlencode({"from": rfc3339(end_us - samples * SECOND_US), "to": rfc3339(end_us)})
    return f"/api/v1/devices/{LAMP}/telemetry?{span}&bucket=31d&agg=p50,p95,p99&fields=power_w,level_pct,voltage_v"


def ask(rest: Rest, path: str) -> int:
    request = urllib.request.Request(rest.address + path, headers={"Authorization": f"Bearer {rest.key}"})
    try:
        with urllib.request.urlopen(request, timeout=100) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as problem:
        with problem:
            explained = problem.headers["Retry-After"] and json.loads(problem.read())["detail"]
            return problem.code if explained else 500


def test_expensive_queries_delay_neither_messages_nor_light_requests(
    mosquitto: Broker, tmp_path: Path, report: Report
) -> None:
    end_us = now_us() // SECOND_US * SECOND_US
    fill(tmp_path, end_us)
    with running(tmp_path, mosquitto) as town:
        town.register("kl", [LAMP])
        with publishing(town, RATE) as fleet:
            fleet.wait_for_more(RATE)
            made = town.rest.post("/api-keys", {"name": "flood", "scopes": ["streetlight:read"], "tenant_id": "kl"})
            flood = Rest(town.rest.address, made["key"])
            with _asked_at_once(flood, percentiles(end_us)) as statuses, _highest(town) as highest_mb:
                light_s = [_seconds(lambda: town.rest.get("/me")) for _ in range(40)]
                late_s = [newest_age_s(town, name) for name in fleet.sent]
                assert statuses.unfinished(), "all of it happened while they were asked"
        account = settle(town, fleet)
    assert set(statuses.counted) <= {200, 429, 503}, statuses.counted
    assert statuses.counted[200] >= 1
    p99_s, me_s = quantiles(late_s, n=100)[-1], quantiles(light_s, n=100)[-1]
    report("A11", f"{AT_ONCE} questions at once, each for percentiles of {SAMPLES:,} samples", "mosquitto-sqlite",
           account, answered=statuses.counted[200], told_to_come_later=statuses.counted[429] + statuses.counted[503],
           me_p99_ms=round(1000 * me_s), others_p99_s=round(p99_s, 2), api_mb=round(highest_mb()))  # fmt: skip
    assert account.stored == account.confirmed == account.sent
    assert p99_s <= LATEST_S
    assert me_s <= LATEST_S
    assert highest_mb() <= MOST_MB


def test_a_question_whose_caller_left_is_answered_no_further(mosquitto: Broker, tmp_path: Path, report: Report) -> None:
    end_us = now_us() // SECOND_US * SECOND_US
    fill(tmp_path, end_us, 10 * SAMPLES if LONG else 5 * SAMPLES)
    with running(tmp_path, mosquitto) as town:
        town.register("kl", [LAMP])
        town.gateway.stop()
        with _leaving(town, percentiles(end_us, 5 * SAMPLES)):
            before_s = cpu_s(town.api.pid)
            wait_until(lambda: cpu_s(town.api.pid) > before_s + 0.7, timeout_s=30, what="the api reads")
        began = time.monotonic()
        wait_until(lambda: _busy(town) < 0.1, timeout_s=20, what="the api reads no more")
        idle_s = time.monotonic() - began
        assert ask(town.rest, percentiles(end_us, 100_000)) == 200, "its turn is free"
    report("A11", "a caller leaves amid his question", "sqlite", idle_after_s=round(idle_s, 1))


def test_influxdb_is_asked_no_further_when_the_caller_left(
    mosquitto: Broker, influxdb: InfluxServer, bucket_prefix: str, tmp_path: Path, report: Report
) -> None:
    end_us, samples = now_us() // SECOND_US * SECOND_US, 100_000
    place: dict[str, Any] = {
        "url": influxdb.url,
        "org": influxdb.org,
        "token": influxdb.token,
        "bucket_prefix": bucket_prefix,
    }
    writer = InfluxTelemetryWriter(**place, catalog=discover_kinds(), state_path=tmp_path / "unrolled.db")
    for start in range(0, samples, 20_000):
        instants = (end_us - (samples - n) * SECOND_US for n in range(start, start + 20_000))
        writer.write([Sample(LAMP, "streetlight", "kl", TELEMETRY, "", us, us, {"power_w": 1.0}) for us in instants])
    writer.close()
    with running(tmp_path / "data", mosquitto, influxdb, bucket_prefix) as town:
        town.register("kl", [LAMP])
        town.gateway.stop()
        quiet = _queries(influxdb)
        with _leaving(town, percentiles(end_us, 2 * samples).replace("bucket=31d", "bucket=1m")):
            wait_until(lambda: _queries(influxdb) > quiet + 3, what="InfluxDB is asked")
        asked = _settled(lambda: _queries(influxdb))
    pages = samples // 2_000
    report("A11", "a caller leaves amid his question", "influxdb", pages=pages, asked_for=int(asked - quiet))
    assert asked - quiet < pages


def test_one_viewer_takes_no_more_streams_than_his(mosquitto: Broker, tmp_path: Path, report: Report) -> None:
    with running(tmp_path, mosquitto) as town, ExitStack() as stack:
        statuses = Counter(stack.enter_context(_following(town)) for _ in range(STREAMS))
        ready = town.rest.call("GET", "/healthz")[0]
        limits = ApiLimits()
        assert statuses == {200: limits.streams_per_caller, 429: STREAMS - limits.streams_per_caller}
        assert ready == 200
    report("A11", f"{STREAMS} live streams of one viewer", "mosquitto-sqlite", followed=statuses[200],
           refused=statuses[429])  # fmt: skip


class Statuses:
    """What became of the questions."""

    def __init__(self) -> None:
        self.counted: Counter[int] = Counter()

    def unfinished(self) -> bool:
        """Whether some wait for their answer."""
        return self.counted.total() < AT_ONCE


@contextmanager
def _asked_at_once(rest: Rest, path: str) -> Iterator[Statuses]:
    found = Statuses()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = [pool.submit(ask, rest, path) for _ in range(AT_ONCE)]
        for one in asked:
            one.add_done_callback(lambda done: found.counted.update([done.result()]))
        yield found


@contextmanager
def _highest(town: Installation) -> Iterator[Callable[[], float]]:
    """The most memory the api takes while the block runs, MB."""
    over, seen = threading.Event(), [pss_mb(town.api.pid)]

    def look() -> None:
        while not over.wait(0.2):
            seen.append(pss_mb(town.api.pid))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield lambda: max(seen)
    finally:
        over.set()
        thread.join()


@contextmanager
def _leaving(town: Installation, path: str) -> Iterator[None]:
    """Ask, and be gone at the end of the block without having read the answer."""
    connection = HTTPConnection(urlsplit(town.rest.address).netloc, timeout=10)
    connection.request("GET", path, headers={"Authorization": f"Bearer {town.rest.key}"})
    try:
        yield
    finally:
        connection.sock.shutdown(socket.SHUT_RDWR)
        connection.close()


@contextmanager
def _following(town: Installation) -> Iterator[int]:
    connection = HTTPConnection(urlsplit(town.rest.address).netloc, timeout=20)
    connection.request("GET", "/api/v1/stream", headers={"Authorization": f"Bearer {town.rest.key}"})
    answer = connection.getresponse()
    try:
        yield answer.status
    finally:
        answer.close()
        connection.close()


def _busy(town: Installation) -> float:
    """Share of a processor that the api takes, over half a second."""
    before = cpu_s(town.api.pid)
    time.sleep(0.5)
    return (cpu_s(town.api.pid) - before) / 0.5


def _seconds(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def _queries(influx: InfluxServer) -> float:
    """How many queries the server was ever asked."""
    with urllib.request.urlopen(f"{influx.url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("http_query_request_count{"))


def _settled(read: Callable[[], float]) -> float:
    seen, since = read(), time.monotonic()
    while time.monotonic() - since < 1.5:
        time.sleep(0.1)
        if (now := read()) != seen:
            seen, since = now, time.monotonic()
    return seen
