"""Both telemetry stores for the contract suite, on a kind made for it, and a slow plain oracle for buckets."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from pathlib import Path

import pytest
from pydantic import BaseModel

from application.ports.telemetry import TelemetryReader, TelemetryRow, TelemetryWriter
from devices.fields import Counter64
from devices.kind import DeviceKind, KindLimits
from devices.messages import EventMessage, StateMessage, TelemetryMessage
from devices.samples import TELEMETRY, Sample, SeriesKey, Value
from devices.time_us import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from storage.telemetry.influx_reader import InfluxTelemetryReader
from storage.telemetry.influx_writer import InfluxTelemetryWriter
from storage.telemetry.sqlite_reader import SqliteTelemetryReader
from storage.telemetry.sqlite_writer import SqliteTelemetryWriter
from tests.real_parts.influxdb import InfluxServer

NOW_US = time.time_ns() // 1000 // HOUR_US * HOUR_US
"""A full hour: what is older than the store's retention is refused by InfluxDB's own clock."""
STORES = ("sqlite", "influxdb")


class Mode(StrEnum):
    AUTO = "auto"
    MANUAL = "manual"


class Supply(BaseModel):
    voltage_v: float | None = None


class ProbeTelemetry(TelemetryMessage):
    power_w: float | None = None
    level_pct: float | None = None
    steps: int | None = None
    in_octets: Counter64 | None = None
    lit: bool | None = None
    mode: Mode | None = None
    note: str | None = None
    supply: Supply | None = None


class Opened(EventMessage):
    angle_deg: float | None = None


LIMITS = KindLimits(raw_retention_days=30, rollup_retention_days=90, reporting_interval_s=60)
CATALOG = {
    "probe": DeviceKind("probe", "probe", ProbeTelemetry, StateMessage, events={"opened": Opened}, limits=LIMITS),
    "other": DeviceKind("other", "other kind", ProbeTelemetry, StateMessage, limits=LIMITS),
}


@dataclass
class Store:
    """One adapter: its writer, and readers with the clock and thresholds a test wants."""

    name: str
    writer: TelemetryWriter
    new_writer: Callable[[], TelemetryWriter]
    new_reader: Callable[..., TelemetryReader]
    opened: list[TelemetryReader]

    def reader(self, *, now_us: int = NOW_US, raw_rows_max: int = 10_000) -> TelemetryReader:
        reader = self.new_reader(catalog=CATALOG, now_us=lambda: now_us, raw_rows_max=raw_rows_max)
        self.opened.append(reader)
        return reader

    def rows(
        self, key: SeriesKey, from_us: int = NOW_US - 20 * DAY_US, to_us: int = NOW_US + DAY_US
    ) -> list[TelemetryRow]:
        return list(self.reader().rows(key, from_us, to_us))

    def roll_up(self, now_us: int = NOW_US + DAY_US) -> int:
        written = total = self.writer.roll_up(now_us)
        while written:
            written = self.writer.roll_up(now_us)
            total += written
        return total

    def reopen(self) -> None:
        self.writer.close()
        self.writer = self.new_writer()


@contextmanager
def opened(request: pytest.FixtureRequest, folder: Path) -> Iterator[Store]:
    """The store that the parametrised fixture names."""
    if request.param == "sqlite":
        place: dict[str, object] = {"path": folder / "telemetry.db"}
        writer_class: Callable[..., TelemetryWriter] = SqliteTelemetryWriter
        reader_class: Callable[..., TelemetryReader] = SqliteTelemetryReader
        state: dict[str, object] = {}
    else:
        server: InfluxServer = request.getfixturevalue("influxdb")
        prefix = request.getfixturevalue("bucket_prefix")
        place = {"url": server.url, "org": server.org, "token": server.token, "bucket_prefix": prefix}
        writer_class, reader_class = InfluxTelemetryWriter, InfluxTelemetryReader
        state = {"state_path": folder / "unrolled.db"}

    def new_writer() -> TelemetryWriter:
        return writer_class(catalog=CATALOG, **place, **state)

    def new_reader(**options: object) -> TelemetryReader:
        return reader_class(**place, **options)

    store = Store(request.param, new_writer(), new_writer, new_reader, [])
    try:
        yield store
    finally:
        store.writer.close()
        for reader in store.opened:
            reader.close()


def key(asset_id: str = "a1", series: str = TELEMETRY, part: str = "", kind: str = "probe") -> SeriesKey:
    return SeriesKey(asset_id, kind, series, part)


def sample(
    ts_us: int, values: Mapping[str, Value], *, of: SeriesKey | None = None, suspect: bool = False, received_us: int = 0
) -> Sample:
    of = of or key()
    return Sample(of.asset_id, of.kind, "kl", of.series, of.part, ts_us, received_us or ts_us + 7, values, suspect)


def a_noisy_day(seed: int, start_us: int, hours: int = 24, of: SeriesKey | None = None) -> list[Sample]:
    """About a sample a minute with jitter, some without a field, an outage of up to two hours, a rising counter."""
    chance = random.Random(seed)
    outage_us = start_us + chance.randrange(hours) * HOUR_US
    ts_us, octets = start_us, 0
    samples = []
    while ts_us < start_us + hours * HOUR_US:
        octets += chance.randrange(10_000)
        values: dict[str, Value] = {
            "power_w": chance.uniform(-5, 120),
            "in_octets": octets,
            "lit": chance.random() < 0.5,
        }
        if chance.random() < 0.3:
            del values["power_w"]
        if not outage_us <= ts_us < outage_us + 2 * HOUR_US:
            samples.append(sample(ts_us, values, of=of))
        ts_us += chance.choice([60, 60, 60, 61, 59, 120, 10]) * SECOND_US
    return samples


@dataclass(frozen=True)
class Expected:
    """What the oracle says of a bucket."""

    count: int
    covered_s: float
    numbers: dict[str, list[float]]


def by_hand(
    samples: Sequence[Sample], from_us: int, to_us: int, width_us: int, fields: Sequence[str]
) -> dict[int, Expected]:
    """Buckets second by second at an interval of a minute; all times must be whole seconds."""
    ordered = sorted(samples, key=lambda each: each.ts_us)
    covered: set[int] = set()
    before_s = -(10**9)
    for each in ordered:
        ts_s = each.ts_us // SECOND_US
        covered.update(range(max(before_s, ts_s - 180), ts_s))
        before_s = ts_s
    buckets = {}
    start_us = from_us - from_us % width_us
    while start_us < to_us:
        inside = [each for each in ordered if start_us <= each.ts_us < start_us + width_us]
        if inside:
            seconds = range(start_us // SECOND_US, (start_us + width_us) // SECOND_US)
            numbers = {name: [float(each.values[name]) for each in inside if name in each.values] for name in fields}
            buckets[start_us] = Expected(len(inside), sum(second in covered for second in seconds), numbers)
        start_us += width_us
    return buckets


def nearest_rank(numbers: Sequence[float], share: float) -> float:
    return sorted(numbers)[ceil(share * len(numbers)) - 1]


MINUTES = tuple(NOW_US - 3 * HOUR_US + minute * MINUTE_US for minute in range(60))
"""The sixty minutes of an hour that ended two hours ago."""
