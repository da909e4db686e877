"""Publish to queryable at a steady rate: how long until a message's sample is answered by the store."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.parts import gateway, steady
from benchmarks.parts.counting import influx_counter, sqlite_counter
from tests.real_parts import influxdb, mosquitto
from tests.real_parts.influxdb import InfluxServer


def measure(folder: Path, influx: InfluxServer | None, options: argparse.Namespace) -> list[float]:
    """Seconds from publish to queryable of every message; includes the pause between two looks, about 30 ms."""
    folder.mkdir()
    with mosquitto.running(folder, autosave=False) as broker:
        data = folder / "data"
        gateway.write_settings(data, broker, influx)
        gateway.register(data, options.devices)
        first_us = time.time_ns() // 1000 - 400_000_000
        with gateway.running(data):
            kind = "streetlight"
            count = influx_counter(influx, f"bench_{kind}", first_us) if influx else sqlite_counter(data, first_us)
            load = steady.Load(broker.port, options.rate, options.seconds, options.devices, first_us)
            return _watch(load, count)


def _watch(load: steady.Load, count: Callable[[], int]) -> list[float]:
    load.start()
    waits: list[float] = []
    while len(waits) < load.messages:
        seen = count()
        now = time.time()
        waits += [now - load.published_at(number) for number in range(len(waits), seen)]
        if now > load.published_at(load.messages) + 60:
            raise RuntimeError(f"only {seen} of {load.messages} arrived")
        time.sleep(0.03)
    load.end()
    return waits


def main() -> int:
    """Measure both stores and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--devices", type=int, default=1000)
    options = parser.parse_args()
    table = Table(title=f"publish to queryable at {options.rate:.0f} messages/s, mosquitto, {options.seconds:.0f} s")
    for column in ("store", "p50 s", "p99 s", "max s"):
        table.add_column(column)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "influxdb").mkdir()
        with influxdb.running(folder / "influxdb") as influx:
            _row(table, "InfluxDB 2", measure(folder / "with-influxdb", influx, options))
        _row(table, "SQLite", measure(folder / "with-sqlite", None, options))
    Console().print(table)
    return 0


def _row(table: Table, store: str, waits: list[float]) -> None:
    ordered = sorted(waits)
    table.add_row(store, *(f"{ordered[int(q * (len(ordered) - 1))]:.3f}" for q in (0.5, 0.99, 1)))


if __name__ == "__main__":
    sys.exit(main())
