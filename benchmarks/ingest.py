"""Messages per second until all are queryable in InfluxDB: Lautern and Telegraf in turn on the same servers."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.parts import gateway, telegraf
from benchmarks.parts.cost import cpu_s, pss_mb
from benchmarks.parts.counting import influx_counter
from tests.real_parts import influxdb, mosquitto
from tests.real_parts.brokers import Broker
from tests.real_parts.influxdb import InfluxServer


@dataclass(frozen=True)
class Figures:
    """One run: messages/s, CPU µs per message, PSS under load in MB."""

    rate: float
    cpu_us: float
    pss: float


def measure(pid: int, broker: Broker, count: Callable[[], int], options: argparse.Namespace, first_us: int) -> Figures:
    """Publish the load and wait until all of it is queryable."""
    command = [sys.executable, "-m", "benchmarks.parts.load", "--port", str(broker.port), "--first-us", str(first_us)]
    command += ["--messages", str(options.messages), "--devices", str(options.devices), "--boot-id", f"b{first_us}"]
    load = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if load.stdout is None or load.stdin is None:
        raise RuntimeError("no pipes to the load")
    load.stdout.readline()
    cpu_before = cpu_s(pid)
    answer, pss, began = "", 0.0, time.time()
    load.stdin.write("go\n")
    load.stdin.flush()
    while load.poll() is None:
        time.sleep(0.5)
        pss = max(pss, pss_mb(pid))
    answer = load.stdout.read()
    began = float(answer.split()[0])
    deadline = time.time() + 120
    stored = 0
    while (stored := count()) < options.messages:
        if time.time() > deadline:
            raise RuntimeError(f"only {stored} of {options.messages} arrived")
        pss = max(pss, pss_mb(pid))
        time.sleep(0.1)
    took = time.time() - began
    time.sleep(2)
    cpu = cpu_s(pid) - cpu_before
    return Figures(options.messages / took, cpu / options.messages * 1e6, pss)


def main() -> int:
    """Run both in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--telegraf", type=Path, default=os.environ.get("LAUTERN_BENCH_TELEGRAF"))
    options = parser.parse_args()
    ours: list[Figures] = []
    theirs: list[Figures] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "influxdb").mkdir()
        with influxdb.running(folder / "influxdb") as influx:
            influx.create_bucket("telegraf")
            for number in range(options.rounds):
                ours.append(_lautern(folder / f"lautern-{number}", influx, options))
                if options.telegraf:
                    theirs.append(_telegraf(folder / f"telegraf-{number}", influx, options))
    _print(ours, theirs)
    return 0


def _lautern(folder: Path, influx: InfluxServer, options: argparse.Namespace) -> Figures:
    """A round with a broker of its own, as an idle peer's session would fill up and cost."""
    folder.mkdir()
    first_us = time.time_ns() // 1000 - 400_000_000
    with mosquitto.running(folder, autosave=False) as broker:
        gateway.write_settings(folder / "data", broker, influx)
        gateway.register(folder / "data", options.devices)
        with gateway.running(folder / "data") as process:
            return measure(
                process.pid, broker, influx_counter(influx, "bench_streetlight", first_us), options, first_us
            )


def _telegraf(folder: Path, influx: InfluxServer, options: argparse.Namespace) -> Figures:
    folder.mkdir()
    first_us = time.time_ns() // 1000 - 400_000_000
    with (
        mosquitto.running(folder, autosave=False) as broker,
        telegraf.running(options.telegraf, folder, broker, influx) as process,
    ):
        return measure(process.pid, broker, influx_counter(influx, "telegraf", first_us), options, first_us)


def _print(ours: list[Figures], theirs: list[Figures]) -> None:
    table = Table(title="ingest: QoS 1, mosquitto, InfluxDB 2 (median of rounds; each round in brackets)")
    for column in ("program", "messages/s", "CPU µs per message", "PSS MB"):
        table.add_column(column)
    for program, figures in (("Lautern", ours), ("Telegraf", theirs)):
        if figures:
            table.add_row(program, *(_median([getattr(f, k) for f in figures]) for k in ("rate", "cpu_us", "pss")))
    if theirs:
        ratios = [
            median([getattr(a, k) / getattr(b, k) for a, b in zip(ours, theirs, strict=True)])
            for k in ("rate", "cpu_us", "pss")
        ]
        table.add_row("ratio", *(f"{r:.2f}" for r in ratios))
    else:
        Console().print("[yellow]Telegraf is not here (LAUTERN_BENCH_TELEGRAF): its side is left out.[/]")
    Console().print(table)


def _median(values: list[float]) -> str:
    return f"{median(values):,.1f} ({', '.join(f'{v:,.1f}' for v in values)})"


if __name__ == "__main__":
    sys.exit(main())
