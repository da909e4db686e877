"""What is lost when the store is away and when the program is killed: Lautern and Telegraf, on the same servers."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.parts import gateway, steady, telegraf
from benchmarks.parts.counting import influx_counter
from tests.real_parts import influxdb, mosquitto
from tests.real_parts.brokers import Broker
from tests.real_parts.influxdb import InfluxServer

BEFORE_S: Final = 5
AFTER_S: Final = 10
DEVICES: Final = 500


def main() -> int:
    """Break each program in each way and print the table; 1 when Lautern lost something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--telegraf", type=Path, default=os.environ.get("LAUTERN_BENCH_TELEGRAF"))
    parser.add_argument("--rate", type=float, default=2000)
    parser.add_argument("--away", type=float, default=30, help="seconds without InfluxDB")
    options = parser.parse_args()
    table = Table(title=f"QoS 1 messages at {options.rate:.0f}/s, mosquitto, InfluxDB 2")
    for column in ("program", "fault", "sent", "stored", "lost"):
        table.add_column(column)
    lost_by_us = 0
    for name, bucket in programs(options.telegraf):
        for fault in ("store away", "kill -9"):
            sent, stored = _run(name, bucket, fault, options)
            lost_by_us += sent - stored if name == "Lautern" else 0
            what = f"{fault} {options.away:.0f} s" if fault == "store away" else f"{fault}, started again"
            table.add_row(name, what, f"{sent:,}", f"{stored:,}", f"{sent - stored:,}")
    Console().print(table)
    return 1 if lost_by_us else 0


def programs(peer: Path | None) -> list[tuple[str, str]]:
    """Names and the buckets they write to."""
    if peer is None:
        Console().print("[yellow]Telegraf is not here (LAUTERN_BENCH_TELEGRAF): its side is left out.[/]")
        return [("Lautern", "bench_streetlight")]
    return [("Lautern", "bench_streetlight"), ("Telegraf as it comes", "telegraf"), ("Telegraf tuned", "telegraf")]


@contextmanager
def _started(name: str, folder: Path, broker: Broker, influx: InfluxServer, peer: Path) -> Iterator[int]:
    if name == "Lautern":
        with gateway.running(folder / "data") as process:
            yield process.pid
    else:
        with telegraf.running(peer, folder, broker, influx, tuned=name.endswith("tuned")) as process:
            yield process.pid


def _run(name: str, bucket: str, fault: str, options: argparse.Namespace) -> tuple[int, int]:
    """Messages that the broker confirmed, and how many of them the store has at last."""
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        for part in ("influxdb", "mosquitto"):
            (folder / part).mkdir()
        with (
            influxdb.running(folder / "influxdb") as influx,
            mosquitto.running(folder / "mosquitto", autosave=False) as broker,
        ):
            influx.create_bucket("telegraf")
            gateway.write_settings(folder / "data", broker, influx)
            gateway.register(folder / "data", DEVICES)
            first_us = time.time_ns() // 1000 - 1_000_000_000
            seconds = BEFORE_S + AFTER_S + (options.away if fault == "store away" else 5)
            load = steady.Load(broker.port, options.rate, seconds, DEVICES, first_us)

            if fault == "store away":
                with _started(name, folder, broker, influx, options.telegraf):
                    load.start()
                    time.sleep(BEFORE_S)
                    influx.server.stop()
                    time.sleep(options.away)
                    influx.server.start()
                    return _settle(load, influx, bucket, first_us)
            with _started(name, folder, broker, influx, options.telegraf) as pid:
                load.start()
                time.sleep(BEFORE_S)
                os.kill(pid, 9)
            time.sleep(2)
            with _started(name, folder, broker, influx, options.telegraf):
                return _settle(load, influx, bucket, first_us)


def _settle(load: steady.Load, influx: InfluxServer, bucket: str, first_us: int) -> tuple[int, int]:
    load.end()
    count = influx_counter(influx, bucket, first_us)
    stored, changed = count(), time.monotonic()
    while stored < load.messages and time.monotonic() - changed < 20:
        time.sleep(0.5)
        now = count()
        if now != stored:
            stored, changed = now, time.monotonic()
    return load.messages, stored


if __name__ == "__main__":
    sys.exit(main())
