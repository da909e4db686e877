"""InfluxDB away under load: what is lost, what memory does, how fast the backlog drains."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.parts import gateway, steady
from benchmarks.parts.cost import pss_mb
from benchmarks.parts.counting import influx_counter
from tests.real_parts import influxdb, mosquitto
from tests.real_parts.influxdb import InfluxServer


@dataclass(slots=True)
class Seen:
    """Memory of the gateway and its receiver, MB, by phase; and when the store had everything."""

    before_mb: float = 0.0
    during_mb: list[float] = field(default_factory=list)
    stored_at_end_of_outage: int = 0
    sent_at_end_of_outage: int = 0
    caught_up_s: float = 0.0
    stored: int = 0


def outage(pid: int, influx: InfluxServer, load: steady.Load, count: Callable[[], int], away_s: float) -> Seen:
    """Let the load run a while, end InfluxDB, bring it back, wait until it has all that was sent by then."""
    seen = Seen()
    load.start()
    time.sleep(10)
    seen.before_mb = pss_mb(pid)
    influx.server.stop()
    back_at = time.monotonic() + away_s
    while time.monotonic() < back_at:
        seen.during_mb.append(pss_mb(pid))
        time.sleep(1)
    influx.server.start()
    came_back = time.monotonic()
    seen.stored_at_end_of_outage, seen.sent_at_end_of_outage = count(), load.sent()
    while count() < load.sent() - 2 * load.burst:
        if time.monotonic() - came_back > away_s + 120:
            raise RuntimeError(f"{count()} of {load.sent()} stored")
        seen.during_mb.append(pss_mb(pid))
        time.sleep(0.2)
    seen.caught_up_s = time.monotonic() - came_back
    load.end()
    deadline = time.monotonic() + 60
    seen.stored = count()
    while seen.stored < load.messages and time.monotonic() < deadline:
        time.sleep(0.2)
        seen.stored = count()
    return seen


def main() -> int:
    """Run one outage and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--away", type=float, default=60, help="seconds without InfluxDB (the long form: 600)")
    parser.add_argument("--devices", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("influxdb", "mosquitto"):
            (folder / part).mkdir()
        with (
            influxdb.running(folder / "influxdb") as influx,
            mosquitto.running(folder / "mosquitto", autosave=False) as broker,
        ):
            gateway.write_settings(folder / "data", broker, influx)
            gateway.register(folder / "data", options.devices)
            first_us = time.time_ns() // 1000 - 3_000_000_000
            with gateway.running(folder / "data") as process:
                load = steady.Load(broker.port, options.rate, options.away + 40, options.devices, first_us)
                count = influx_counter(influx, "bench_streetlight", first_us)
                seen = outage(process.pid, influx, load, count, options.away)
    _print(seen, load, options)
    return 0 if seen.stored == load.messages else 1


def _print(seen: Seen, load: steady.Load, options: argparse.Namespace) -> None:
    waiting = seen.sent_at_end_of_outage - seen.stored_at_end_of_outage
    drained = (waiting + options.rate * seen.caught_up_s) / seen.caught_up_s
    table = Table(title=f"InfluxDB away for {options.away:.0f} s at {options.rate:.0f} messages/s")
    for column in ("sent", "stored", "lost", "backlog", "caught up after s", "drained / arrival rate", "PSS MB"):
        table.add_column(column)
    table.add_row(
        f"{load.messages:,}",
        f"{seen.stored:,}",
        f"{load.messages - seen.stored:,}",
        f"{waiting:,}",
        f"{seen.caught_up_s:.1f}",
        f"{drained / options.rate:.1f}",
        f"{seen.before_mb:.0f} before, {max(seen.during_mb):.0f} at most",
    )
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
