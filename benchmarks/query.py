"""Writing and asking, in both telemetry stores in turn; and the newest values of a whole kind from the registry."""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from application.ports.latest_values import LatestValue, LatestValues
from application.ports.telemetry import TelemetryReader, TelemetryWriter
from devices.kind_catalog import KindCatalog, discover_kinds
from devices.samples import TELEMETRY, Sample, SeriesKey
from devices.time_us import DAY_US, HOUR_US, MINUTE_US
from storage.registry.engine import open_registry
from storage.telemetry.influx_lines import LineRenderer
from storage.telemetry.influx_reader import InfluxTelemetryReader
from storage.telemetry.influx_writer import InfluxTelemetryWriter
from storage.telemetry.schema import StoreSchema
from storage.telemetry.sqlite_reader import SqliteTelemetryReader
from storage.telemetry.sqlite_writer import SqliteTelemetryWriter
from tests.real_parts import influxdb

KIND = "streetlight"
LAMP = SeriesKey("bench-00007", KIND)
BATCH = 5_000
Store = tuple[TelemetryWriter, TelemetryReader]
Seconds = list[float]


def values(chance: random.Random) -> dict[str, float | int]:
    """Nine numbers as a lamp sends them."""
    return {
        "level_pct": float(chance.randrange(101)),
        "power_w": round(chance.uniform(0, 90), 1),
        "voltage_v": round(chance.uniform(220, 240), 1),
        "current_a": round(chance.uniform(0, 0.5), 3),
        "power_factor": round(chance.uniform(0.8, 1), 2),
        "frequency_hz": 50.01,
        "temperature_c": float(chance.randrange(10, 60)),
        "energy_wh": round(chance.uniform(0, 1e6), 1),
        "burning_s": float(chance.randrange(10**8)),
    }


def day_of(lamps: int, start_us: int) -> Iterator[list[Sample]]:
    """A sample a minute of each lamp, as they would arrive, in batches."""
    chance = random.Random(1)
    batch: list[Sample] = []
    for minute in range(1440):
        for lamp in range(lamps):
            ts_us = start_us + minute * MINUTE_US + lamp * 1000
            name = f"bench-{lamp:05d}"
            batch.append(Sample(name, KIND, "bench", TELEMETRY, "", ts_us, ts_us + 50_000, values(chance)))
            if len(batch) == BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def timed(call: Callable[[], object], times: int, clock: Callable[[], float] = time.perf_counter) -> Seconds:
    """Seconds of each call, after one that is not counted."""
    call()
    took = []
    for _ in range(times):
        began = clock()
        call()
        took.append(clock() - began)
    return took


def fill(writer: TelemetryWriter, lamps: int, start_us: int) -> tuple[Seconds, float]:
    """Write the day and roll it up; seconds of each full batch, and of the whole rollup."""
    batches: Seconds = []
    for batch in day_of(lamps, start_us):
        began = time.perf_counter()
        writer.write(batch)
        if len(batch) == BATCH:
            batches.append(time.perf_counter() - began)
    began = time.perf_counter()
    while writer.roll_up(start_us + 2 * DAY_US):
        pass
    return batches, time.perf_counter() - began


def day_in_buckets(reader: TelemetryReader, start_us: int, fields: Sequence[str]) -> int:
    """How many 5-minute buckets one lamp's day has."""
    found = reader.buckets(
        LAMP, start_us, start_us + DAY_US, fields=fields, width_us=5 * MINUTE_US, aggregates=["mean", "min", "max"],
        expected_interval_s=60,
    )  # fmt: skip
    return len(found.items)


def year_in_hours(reader: TelemetryReader, start_us: int) -> int:
    """How many 1-hour buckets a year of the lamp has (rollups; only a day of it has data)."""
    found = reader.buckets(
        LAMP, start_us - 364 * DAY_US, start_us + DAY_US, fields=["power_w"], width_us=HOUR_US,
        aggregates=["mean", "max"], expected_interval_s=60,
    )  # fmt: skip
    if found.source != "1h":
        raise RuntimeError(f"a year was read from {found.source}")
    return len(found.items)


def ask(store: Store, lamps: int, start_us: int, times: int) -> dict[str, Seconds]:
    """Every question of the table, with how long each answer took."""
    writer, reader = store
    batches, rolled = fill(writer, lamps, start_us)
    if day_in_buckets(reader, start_us, ["power_w"]) != 288:
        raise RuntimeError("the day is not whole")
    end_us = start_us + DAY_US
    return {
        f"write {BATCH:,} samples of 9 fields": batches,
        f"roll up a day of {lamps} lamps, all at once": [rolled],
        "a day of a lamp in 5-minute buckets": timed(lambda: day_in_buckets(reader, start_us, ["power_w"]), times),
        "the same, 3 fields": timed(
            lambda: day_in_buckets(reader, start_us, ["power_w", "level_pct", "voltage_v"]), times
        ),
        "a year of a lamp in 1-hour buckets": timed(lambda: year_in_hours(reader, start_us), times),
        "all 1,440 rows of the day": timed(lambda: len(list(reader.rows(LAMP, start_us, end_us))), times),
        "the newest row": timed(
            lambda: list(reader.rows(LAMP, start_us, end_us, limit=1, newest_first=True)), times
        ),
    }  # fmt: skip


def serialisation(catalog: KindCatalog, start_us: int, times: int) -> Seconds:
    """Seconds for a batch as line protocol bytes."""
    lines = LineRenderer(StoreSchema(catalog))
    batch = next(day_of(1000, start_us))
    return timed(lambda: "\n".join(lines.render(batch).lines[KIND]).encode(), times, time.process_time)


def newest_of_kind(folder: Path, devices: int, times: int) -> Seconds:
    """Seconds to read the newest values of all devices of a kind from the registry (SQLite)."""
    registry = open_registry(f"sqlite:///{folder / 'registry.db'}", checkpoints=True)
    chance = random.Random(2)
    rows = [
        LatestValue(f"bench-{number:05d}", KIND, "bench", "telemetry", "", number, number, values(chance))
        for number in range(devices)
    ]
    with registry.write() as tx:
        tx.get(LatestValues).put(rows)

    def read() -> None:
        with registry.read() as tx:
            found = tx.get(LatestValues).of_kind(KIND)
        if len(found) != devices:
            raise RuntimeError(f"{len(found)} of {devices} came back")

    took = timed(read, times)
    registry.close()
    return took


def main() -> int:
    """Fill both stores, ask both, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lamps", type=int, default=200)
    parser.add_argument("--times", type=int, default=30)
    options = parser.parse_args()
    catalog = discover_kinds()
    start_us = (time.time_ns() // 1000 // DAY_US - 2) * DAY_US
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with influxdb.running(folder) as influx:
            place: dict[str, Any] = {
                "url": influx.url, "org": influx.org, "token": influx.token, "bucket_prefix": "bench"
            }  # fmt: skip
            stores: Mapping[str, Store] = {
                "SQLite": (
                    SqliteTelemetryWriter(path=folder / "telemetry.db", catalog=catalog),
                    SqliteTelemetryReader(path=folder / "telemetry.db", catalog=catalog),
                ),
                "InfluxDB 2": (
                    InfluxTelemetryWriter(**place, catalog=catalog, state_path=folder / "unrolled.db"),
                    InfluxTelemetryReader(**place, catalog=catalog),
                ),
            }
            answers = {each: ask(store, options.lamps, start_us, options.times) for each, store in stores.items()}
            for writer, reader in stores.values():
                reader.close()
                writer.close()
        newest = newest_of_kind(folder, 5_000, options.times)
    _print(
        answers,
        {
            "5,000 samples to line protocol, CPU": serialisation(catalog, start_us, options.times),
            "newest values of 5,000 devices (registry, SQLite)": newest,
        },
    )
    return 0


def _print(answers: Mapping[str, Mapping[str, Seconds]], alone: Mapping[str, Seconds]) -> None:
    table = Table(title="ms, median (95th percentile)")
    for column in ("what", *answers, "InfluxDB 2 / SQLite"):
        table.add_column(column, justify="left" if column == "what" else "right")
    sqlite, influx = answers.values()
    for what, took in sqlite.items():
        table.add_row(what, _ms(took), _ms(influx[what]), f"{median(influx[what]) / median(took):.1f}")
    for what, took in alone.items():
        table.add_row(what, _ms(took), "", "")
    Console().print(table)


def _ms(took: Seconds) -> str:
    if len(took) == 1:
        return f"{took[0] * 1000:,.0f}"
    return f"{median(took) * 1000:,.1f} ({quantiles(took, n=20)[-1] * 1000:,.1f})"


if __name__ == "__main__":
    sys.exit(main())
