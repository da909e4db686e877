"""The flight book on SQLite and on PostgreSQL; flights computed from SQLite and from InfluxDB."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from application.kinds.fire_drone.flight_recorder import FlightRecorder, mark_new_samples
from application.kinds.fire_drone.ports import FlightBook, FlightFilter, FlightRecord, RecomputeMark
from application.ports.inventory import Asset, AssetRepository
from application.ports.telemetry import TelemetryReader, TelemetryWriter
from devices.errors import NotFound
from devices.fire_drone.flights.detector import detect_flights
from devices.fire_drone.flights.flight import (
    DetectedFlight,
    FlightFigures,
    FlightFlag,
    FlightPosition,
    FlightQuality,
    FlightStatus,
    TrackGap,
)
from devices.fire_drone.flights.sample import FlightSample
from devices.kind_catalog import discover_kinds
from devices.samples import TELEMETRY, Sample, Value
from devices.time_us import HOUR_US, MINUTE_US, SECOND_US
from storage.registry.engine import SqlRegistry, open_registry
from storage.telemetry.influx_reader import InfluxTelemetryReader
from storage.telemetry.influx_writer import InfluxTelemetryWriter
from storage.telemetry.sqlite_reader import SqliteTelemetryReader
from storage.telemetry.sqlite_writer import SqliteTelemetryWriter
from tests.real_parts.influxdb import InfluxServer
from tests.real_parts.waiting import wait_until

START_US = 1_790_000_000_000_000


@pytest.fixture(params=["sqlite", "postgres"])
def registry(request: pytest.FixtureRequest, tmp_path: Path, unique_id: str) -> Iterator[SqlRegistry]:
    url = f"sqlite:///{tmp_path}/registry.db"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    opened = open_registry(url)
    yield opened
    opened.close()


def flight(drone: str, number: int, *, status: FlightStatus = FlightStatus.LANDED, minutes: int = 10) -> FlightRecord:
    """A flight at the hour of its number, with everything in it."""
    takeoff = START_US + number * HOUR_US
    end = takeoff + minutes * MINUTE_US
    landed = status is FlightStatus.LANDED
    detected = DetectedFlight(
        takeoff_us=takeoff,
        takeoff_earliest_us=takeoff - 1_000_000,
        last_airborne_us=end - 1 if landed else end,
        landing_us=end if landed else None,
        landing_latest_us=end if landed else None,
        status=status,
        landings=1 if landed else 0,
        airborne_s=minutes * 60.0,
        boot_id="b1",
        armed_us=takeoff - 4_000_000,
        takeoff_place=FlightPosition(49.44, 7.77, 240.0),
        flags=(FlightFlag.VERY_SHORT, FlightFlag.CONFLICTS),
        figures=FlightFigures(distance_m=1214.332, battery_serial="F-1"),
        quality=FlightQuality(samples=600, gaps=(TrackGap(takeoff + 5, takeoff + 20_000_005, None),), delay_max_s=0.25),
    )
    return FlightRecord(f"{drone}-{number}", drone, "kl", number, takeoff, detected, {"name": drone})


def test_a_flight_comes_back_as_it_was_put(registry: SqlRegistry, unique_id: str) -> None:
    put = flight(unique_id, 1)
    with registry.write() as tx:
        tx.get(FlightBook).put([put])
    with registry.read() as tx:
        assert tx.get(FlightBook).get(put.flight_id) == put


def test_what_was_computed_is_replaced_and_what_was_recorded_stays(registry: SqlRegistry, unique_id: str) -> None:
    first = flight(unique_id, 1, status=FlightStatus.AIRBORNE)
    later = replace(flight(unique_id, 1), number=9, recorded_us=7, drone={"name": "renamed"})
    with registry.write() as tx:
        tx.get(FlightBook).put([first])
        tx.get(FlightBook).put([later])
    with registry.read() as tx:
        book = tx.get(FlightBook)
        assert book.get(first.flight_id) == replace(first, detected=later.detected)
        assert [f for f in book.airborne() if f.asset_id == unique_id] == []


def test_a_removed_flight_is_gone_but_its_number_and_id_stay_taken(registry: SqlRegistry, unique_id: str) -> None:
    flights = [flight(unique_id, 1), flight(unique_id, 2)]
    with registry.write() as tx:
        book = tx.get(FlightBook)
        assert book.newest_number(unique_id) == 0
        book.put(flights)
        book.remove([flights[1].flight_id])
    with registry.read() as tx:
        book = tx.get(FlightBook)
        with pytest.raises(NotFound):
            book.get(flights[1].flight_id)
        assert book.newest_number(unique_id) == 2
        assert book.taken([f.flight_id for f in flights] + ["other"]) == {f.flight_id for f in flights}
        assert book.between(unique_id, 0, None) == [flights[0]]


def test_neighbours_are_found_by_takeoff(registry: SqlRegistry, unique_id: str) -> None:
    flights = [flight(unique_id, number) for number in range(5)]
    with registry.write() as tx:
        tx.get(FlightBook).put(flights[::-1])
    with registry.read() as tx:
        book = tx.get(FlightBook)
        second, fourth = flights[1].detected.takeoff_us, flights[3].detected.takeoff_us
        assert book.between(unique_id, second, fourth) == flights[1:3]
        assert book.before(unique_id, second, 9) == [flights[1], flights[0]]
        assert book.before(unique_id, fourth, 2) == [flights[3], flights[2]]


def test_lists_are_filtered_and_paged_in_a_stable_order(registry: SqlRegistry, unique_id: str) -> None:
    other = f"{unique_id}-other"
    short = [flight(unique_id, number, minutes=1) for number in (6, 7)]
    flights = [flight(unique_id, number) for number in range(5)]
    with registry.write() as tx:
        tx.get(FlightBook).put([*flights, *short, replace(flight(other, 3), tenant_id=other)])
    with registry.read() as tx:
        book = tx.get(FlightBook)
        seen: list[FlightRecord] = []
        page = book.find(FlightFilter(asset_id=unique_id, min_duration_s=600), limit=2)
        while True:
            seen += page.items
            if page.next_cursor is None:
                break
            page = book.find(FlightFilter(asset_id=unique_id, min_duration_s=600), limit=2, cursor=page.next_cursor)
        assert seen == flights[::-1]
        assert [f.asset_id for f in book.find(FlightFilter(tenant_ids={other})).items] == [other]
        assert book.find(FlightFilter(tenant_ids=set())).items == []
        spanned = FlightFilter(asset_id=unique_id, from_us=START_US + HOUR_US, to_us=START_US + 3 * HOUR_US)
        assert book.find(spanned).items == [flights[2], flights[1]]
        assert book.find(FlightFilter(asset_id=unique_id, status="airborne")).items == []


def test_marks_wait_in_order_until_settled(registry: SqlRegistry, unique_id: str) -> None:
    marks = [RecomputeMark(unique_id, "kl", n, n + 2, n + 1) for n in range(3)]
    with registry.write() as tx:
        tx.get(FlightBook).mark(marks)
        tx.get(FlightBook).mark(marks[:1])
    with registry.write() as tx:
        waiting = [mark for mark in tx.get(FlightBook).marks() if mark.asset_id == unique_id]
        assert [replace(mark, mark_id=0) for mark in waiting] == [*marks, marks[0]]
        assert waiting == sorted(waiting, key=lambda mark: mark.mark_id)
        tx.get(FlightBook).settle([mark.mark_id for mark in waiting[:2]])
    with registry.read() as tx:
        assert [mark for mark in tx.get(FlightBook).marks() if mark.asset_id == unique_id] == waiting[2:]


def test_an_unknown_flight_is_not_found(registry: SqlRegistry, unique_id: str) -> None:
    with registry.read() as tx, pytest.raises(NotFound):
        tx.get(FlightBook).get(unique_id)


def now_us() -> int:
    return time.time_ns() // 1000


@pytest.fixture(params=["sqlite", "influxdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[TelemetryWriter, TelemetryReader]]:
    """Either telemetry store, with the kinds as declared."""
    catalog = discover_kinds()
    if request.param == "sqlite":
        path = tmp_path / "telemetry.db"
        writer: TelemetryWriter = SqliteTelemetryWriter(path=path, catalog=catalog)
        reader: TelemetryReader = SqliteTelemetryReader(path=path, catalog=catalog, now_us=now_us)
    else:
        server: InfluxServer = request.getfixturevalue("influxdb")
        prefix = request.getfixturevalue("bucket_prefix")
        place = {"url": server.url, "org": server.org, "token": server.token, "bucket_prefix": prefix}
        writer = InfluxTelemetryWriter(catalog=catalog, state_path=tmp_path / "unrolled.db", **place)
        reader = InfluxTelemetryReader(catalog=catalog, now_us=now_us, **place)
    yield writer, reader
    writer.close()
    reader.close()


def aloft(second: int, from_us: int, drone: str) -> Sample:
    """On the ground but for the seconds 10 to 49."""
    state = "airborne" if 10 <= second < 50 else "on_ground"
    values: dict[str, Value] = {
        "boot_id": "b1",
        "flight_state": state,
        "armed": 5 <= second < 53,
        "altitude_rel_m": 12.5,
        "lat": 49.44,
    }
    ts_us = from_us + second * SECOND_US
    return Sample(drone, "fire_drone", "kl", TELEMETRY, "", ts_us, ts_us + 9, {**values, "lon": 7.77})


def test_a_flight_is_computed_from_either_store_once_it_is_there(
    store: tuple[TelemetryWriter, TelemetryReader], tmp_path: Path, unique_id: str
) -> None:
    writer, reader = store
    registry = open_registry(f"sqlite:///{tmp_path}/flights.db")
    from_us = now_us() - HOUR_US
    samples = [aloft(second, from_us, unique_id) for second in range(60)]
    recorder = FlightRecorder(registry, reader)
    writer.write([aloft(0, from_us, "another")])
    with registry.write() as tx:
        tx.get(AssetRepository).add(Asset(unique_id, "kl", "fire_drone", "Fritz", from_us))
        mark_new_samples(tx, samples)
    assert recorder.catch_up(from_us + HOUR_US) == 1
    writer.write(samples)
    wait_until(lambda: recorder.catch_up(from_us + HOUR_US) == 0)
    with registry.read() as tx:
        (found,) = tx.get(FlightBook).between(unique_id, 0, None)
    registry.close()
    picked = [FlightSample.of(s.ts_us, s.received_us, s.values) for s in samples]
    assert [found.detected] == detect_flights(picked)
    assert (found.detected.takeoff_us, found.detected.landing_us) == (samples[10].ts_us, samples[50].ts_us)
