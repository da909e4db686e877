"""Forty heavy reads at once over a million samples: what `/me` then takes, and the api's memory."""

import argparse
import asyncio
import collections
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from httpx2 import AsyncClient, Limits, TransportError
from rich.console import Console
from rich.table import Table

from application.ports.telemetry import TelemetryWriter
from benchmarks.parts import cost
from benchmarks.query import values
from devices.kind_catalog import discover_kinds
from devices.samples import TELEMETRY, Sample
from devices.time_us import SECOND_US, rfc3339
from storage.telemetry.influx_writer import InfluxTelemetryWriter
from storage.telemetry.sqlite_writer import SqliteTelemetryWriter
from tests.real_parts import influxdb, mosquitto
from tests.system.installation import Installation

KIND, LAMP = "streetlight", "bench-1"
PREFIX = "heavy"
BATCH = 5_000
PATIENCE_S = 60


def samples(many: int, end_us: int) -> Iterator[list[Sample]]:
    """One a second of one lamp until `end_us`, in batches."""
    chance = random.Random(1)
    for start in range(0, many, BATCH):
        instants = (end_us - (many - n) * SECOND_US for n in range(start, min(many, start + BATCH)))
        yield [Sample(LAMP, KIND, "kl", TELEMETRY, "", us, us + 50_000, values(chance)) for us in instants]


def fill_sqlite(path: Path, many: int, end_us: int) -> None:
    """The same out of SQLite itself, in seconds; its one series must be known."""
    connection = sqlite3.connect(path)
    body = json.dumps({name: number for name, number in values(random.Random(1)).items() if name != "power_w"})
    connection.execute(
        """WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ?)
           INSERT OR IGNORE INTO sample SELECT 1, ? - x * 1000000, ? - x * 1000000 + 50000, 0,
           json_set(?, '$.power_w', abs(random() % 900) / 10.0) FROM n""",
        (many, end_us, end_us, body),
    )
    connection.commit()
    connection.close()


def fill(writer: TelemetryWriter, many: int, end_us: int) -> None:
    """Write all."""
    for batch in samples(many, end_us):
        writer.write(batch)
    writer.close()


def paths(many: int, end_us: int, *, mixed: bool) -> list[str]:
    """What is asked for."""
    place = f"/api/v1/devices/{LAMP}/telemetry?from={rfc3339(end_us - many * SECOND_US)}&to={rfc3339(end_us)}"
    whole = f"{place}&bucket=31d&agg=p50,p95,p99,mean,min,max"
    if not mixed:
        return [whole]
    return [
        whole,
        f"{whole}&fields=power_w",
        f"{place}&bucket=1m&agg=p95",
        f"{place}&limit=10000",
        f"{place}&bucket=5m",
    ]


async def watch(web: AsyncClient, stopped: asyncio.Event) -> list[float]:
    """Ask for /me ten times a second, each counted from when it was due."""
    loop = asyncio.get_running_loop()
    began, took, tasks = loop.time(), [], []

    async def ask(due: float) -> None:
        with suppress(TransportError):  # a time-out counts with its seconds
            (await web.get("/api/v1/me")).raise_for_status()
        took.append(loop.time() - due)

    number = 0
    while not stopped.is_set():
        number += 1
        due = began + number * 0.1
        await asyncio.sleep(max(0.0, due - loop.time()))
        tasks.append(asyncio.create_task(ask(due)))
    await asyncio.gather(*tasks)
    return took


async def memory(pid: int, stopped: asyncio.Event) -> float:
    """The highest PSS in MB."""
    highest = 0.0
    while not stopped.is_set():
        highest = max(highest, await asyncio.to_thread(cost.pss_mb, pid))
        await asyncio.sleep(0.2)
    return highest


async def heavy(web: AsyncClient, path: str, counts: collections.Counter[str], took: list[float]) -> None:
    """Ask once, and read all of the answer."""
    began = time.monotonic()
    try:
        answer = await web.get(path)
        counts[f"{answer.status_code}"] += 1
    except Exception as error:  # noqa: BLE001 - counted
        counts[type(error).__name__] += 1
    took.append(time.monotonic() - began)


async def measure(installation: Installation, asked: list[str], at_once: int, store_pid: int) -> dict[str, Any]:
    """Quiet first, then with the heavy reads."""
    rest = installation.rest
    given: dict[str, Any] = {"base_url": rest.address, "headers": {"Authorization": f"Bearer {rest.key}"}}
    limits = Limits(max_connections=at_once)
    counts: collections.Counter[str] = collections.Counter()
    took: list[float] = []
    async with (
        AsyncClient(**given, timeout=PATIENCE_S) as light,
        AsyncClient(**given, timeout=PATIENCE_S, limits=limits) as web,
    ):
        stopped = asyncio.Event()
        quiet = asyncio.create_task(watch(light, stopped))
        await asyncio.sleep(3)
        stopped.set()
        before_mb = cost.pss_mb(installation.api.pid)
        stopped = asyncio.Event()
        before_store_mb = cost.pss_mb(store_pid)
        tasks = asyncio.create_task(watch(light, stopped)), asyncio.create_task(memory(installation.api.pid, stopped))
        store = asyncio.create_task(memory(store_pid, stopped))
        await asyncio.gather(*(heavy(web, asked[n % len(asked)], counts, took) for n in range(at_once)))
        stopped.set()
        busy, highest_mb = await tasks[0], await tasks[1]
    return {
        "quiet": await quiet, "busy": busy, "before_mb": before_mb, "highest_mb": highest_mb, "answers": dict(counts),
        "took": took, "store_mb": (before_store_mb, await store),
    }  # fmt: skip


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--at-once", type=int, default=40)
    parser.add_argument("--store", choices=("sqlite", "influxdb"), default="sqlite")
    parser.add_argument("--mixed", action="store_true", help="other questions too")
    options = parser.parse_args()
    end_us = time.time_ns() // 1000 // SECOND_US * SECOND_US
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "mosquitto").mkdir()
        broker = stack.enter_context(mosquitto.running(folder / "mosquitto", autosave=False))
        influx = None
        if options.store == "influxdb":
            influx = stack.enter_context(influxdb.running(folder))
        installation = Installation(folder / "data", broker, influx, PREFIX)
        catalog = discover_kinds()
        writer: TelemetryWriter
        if influx is None:
            writer = SqliteTelemetryWriter(path=folder / "data" / "telemetry.db", catalog=catalog)
        else:
            writer = InfluxTelemetryWriter(
                url=influx.url, org=influx.org, token=influx.token, bucket_prefix=PREFIX, catalog=catalog,
                state_path=folder / "unrolled.db",
            )  # fmt: skip
        installation.register("kl", [LAMP])
        fill(writer, options.samples if influx else 1, end_us)
        if influx is None:
            fill_sqlite(folder / "data" / "telemetry.db", options.samples, end_us)
        installation.api.start()
        stack.callback(installation.api.stop)
        asked = paths(options.samples, end_us, mixed=options.mixed)
        store_pid = influx.server.pid if influx else installation.api.pid
        found = asyncio.run(measure(installation, asked, options.at_once, store_pid))
    table = Table(title=f"{options.at_once} heavy reads at once, {options.samples:,} samples, {options.store}")
    for column in ("while", "/me p50 ms", "p99 ms", "max ms", "api MB", "store MB", "answers", "heavy max s"):
        table.add_column(column)
    in_store = [f"{mb:.0f}" if influx else "" for mb in found["store_mb"]]
    for name, took, mb, more in (
        ("quiet", found["quiet"], found["before_mb"], (in_store[0], "", "")),
        (
            "heavy",
            found["busy"],
            found["highest_mb"],
            (in_store[1], str(found["answers"]), f"{max(found['took']):.1f}"),
        ),
    ):
        ordered = sorted(took)
        figures = (f"{1000 * ordered[int(q * (len(ordered) - 1))]:.0f}" for q in (0.5, 0.99, 1))
        table.add_row(name, *figures, f"{mb:.0f}", *more)
    Console(width=140).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
