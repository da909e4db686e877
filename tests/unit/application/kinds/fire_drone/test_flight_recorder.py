"""Flights are recorded from whatever order samples are accepted and stored in."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.kinds.fire_drone.flight_recorder import FlightRecorder, mark_new_samples
from application.kinds.fire_drone.ports import FlightBook, FlightFilter, FlightRecord
from application.ports.changes import ChangeFeed
from application.ports.inventory import Asset, AssetRepository
from application.ports.telemetry import TelemetryRow
from devices.errors import StoreUnavailable
from devices.fire_drone.flights.detector import detect_flights
from devices.fire_drone.flights.flight import FlightStatus
from devices.fire_drone.flights.sample import FlightSample
from devices.samples import TELEMETRY, Sample, SeriesKey
from devices.time_us import MINUTE_US
from storage.registry.engine import SqlRegistry, open_registry
from tests.unit.devices.fire_drone.flying import PARKED, T0, air, at, ground

FLIGHTS = [
    *ground(0, 5, **PARKED),
    *ground(5, 8),
    *air(8, 60, battery_pct=80.0),
    *ground(60, 63),
    *ground(63, 70, **PARKED),
    *ground(70, 74),
    *air(74, 110, battery_pct=70.0),
    *air(170, 200, battery_pct=69.0),
    *ground(200, 202),
    *ground(202, 205, **PARKED),
]


class Store:
    """A store that holds what it was given, in order of time."""

    def __init__(self) -> None:
        self.away = False
        self.rows_read = 0
        self._rows: dict[tuple[str, int], TelemetryRow] = {}

    def put(self, samples: Sequence[Sample]) -> None:
        for s in samples:
            self._rows.setdefault((s.asset_id, s.ts_us), TelemetryRow(s.ts_us, s.received_us, dict(s.values)))

    def rows(self, key: SeriesKey, from_us: int, to_us: int, **_: Any) -> Iterator[TelemetryRow]:
        if self.away:
            raise StoreUnavailable
        found = [
            row for (asset, ts), row in sorted(self._rows.items()) if asset == key.asset_id and from_us <= ts < to_us
        ]
        self.rows_read += len(found)
        return iter(found)


class Brigade:
    """A drone's way from acceptance to the flight book."""

    def __init__(self, registry: SqlRegistry, asset_id: str) -> None:
        self.registry = registry
        self.asset_id = asset_id
        self.store = Store()
        self.recorder = FlightRecorder(registry, self.store)  # type: ignore[arg-type]
        with registry.write() as tx:
            tx.get(AssetRepository).add(Asset(asset_id, "kl", "fire_drone", "Fritz", T0))

    def accept(self, samples: Sequence[FlightSample], *, stored: bool = True) -> list[Sample]:
        wire = [as_sample(self.asset_id, s) for s in samples]
        with self.registry.write() as tx:
            mark_new_samples(tx, wire)
        if stored:
            self.store.put(wire)
        return wire

    def flights(self) -> list[FlightRecord]:
        with self.registry.read() as tx:
            return list(tx.get(FlightBook).between(self.asset_id, 0, None))

    def changes(self) -> list[tuple[str, str]]:
        with self.registry.read() as tx:
            told = tx.get(ChangeFeed).after(0)
        return [(c.data["what"], c.data["status"]) for c in told if c.data["asset_id"] == self.asset_id]


def as_sample(asset_id: str, s: FlightSample) -> Sample:
    names = [name for name in FlightSample.__slots__ if name not in {"ts_us", "received_us"}]
    values = {name: getattr(s, name) for name in names if getattr(s, name) is not None}
    return Sample(asset_id, "fire_drone", "kl", TELEMETRY, "", s.ts_us, s.received_us, values)


_NUMBERS = count()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlRegistry]:
    path: Path = tmp_path_factory.mktemp("flights") / "registry.db"
    opened = open_registry(f"sqlite:///{path}")
    yield opened
    opened.close()


@pytest.fixture
def brigade(registry: SqlRegistry) -> Brigade:
    return Brigade(registry, f"drone-{next(_NUMBERS)}")


def test_a_live_flight_is_followed_sample_by_sample(brigade: Brigade) -> None:
    for s in FLIGHTS:
        brigade.accept([s])
        brigade.recorder.catch_up(s.ts_us)
    assert [f.detected for f in brigade.flights()] == detect_flights(FLIGHTS)
    assert [f.number for f in brigade.flights()] == [1, 2]
    assert brigade.changes() == [("recorded", "airborne"), ("changed", "landed"), ("changed", "landed")] * 2


def test_following_reads_each_sample_about_once(brigade: Brigade) -> None:
    for s in FLIGHTS:
        brigade.accept([s])
        brigade.recorder.catch_up(s.ts_us)
    # Once to see that it is there, once to push it, and a little around the start.
    assert brigade.store.rows_read <= 2 * len(FLIGHTS) + 5


def test_a_store_behind_by_some_seconds_delays_and_loses_nothing(brigade: Brigade) -> None:
    behind: list[Sample] = []
    for s in FLIGHTS:
        behind += brigade.accept([s], stored=False)
        brigade.store.put(behind[:-3])
        assert brigade.recorder.catch_up(s.ts_us) <= 3
    brigade.store.put(behind)
    assert brigade.recorder.catch_up(at(206)) == 0
    assert [f.detected for f in brigade.flights()] == detect_flights(FLIGHTS)


def test_marks_wait_while_the_store_is_away(brigade: Brigade) -> None:
    brigade.accept(FLIGHTS)
    brigade.store.away = True
    with pytest.raises(StoreUnavailable):
        brigade.recorder.catch_up(at(206))
    assert brigade.flights() == []
    brigade.store.away = False
    assert brigade.recorder.catch_up(at(206)) == 0
    assert [f.detected for f in brigade.flights()] == detect_flights(FLIGHTS)


def test_late_samples_keep_the_flights_id_and_move_its_takeoff(brigade: Brigade) -> None:
    late = [s for s in FLIGHTS if at(8) <= s.ts_us < at(15)]
    brigade.accept([s for s in FLIGHTS if s not in late])
    brigade.recorder.catch_up(at(206))
    before = brigade.flights()
    assert before[0].detected.takeoff_us == at(15)
    brigade.accept(late)
    brigade.recorder.catch_up(at(206))
    after = brigade.flights()
    assert [f.flight_id for f in after] == [f.flight_id for f in before]
    assert [f.detected for f in after] == detect_flights(FLIGHTS)


def test_late_samples_that_join_two_flights_leave_one(brigade: Brigade) -> None:
    flown = [*ground(0, 5), *air(5, 60), *air(2000, 2060), *ground(2060, 2064, **PARKED)]
    late = air(60, 2000)
    brigade.accept(flown)
    brigade.recorder.catch_up(at(2070))
    first, second = brigade.flights()
    brigade.accept(late)
    brigade.recorder.catch_up(at(2071))
    (joined,) = brigade.flights()
    assert joined.flight_id in {first.flight_id, second.flight_id}
    assert joined.detected == detect_flights([*flown, *late])[0]
    assert ("removed", "landed") in brigade.changes() or ("removed", "landing_not_observed") in brigade.changes()


def test_a_flight_that_falls_silent_is_given_up_after_fifteen_minutes(brigade: Brigade) -> None:
    brigade.accept(FLIGHTS[:40])
    brigade.recorder.catch_up(at(45))
    assert brigade.flights()[0].detected.status is FlightStatus.AIRBORNE
    brigade.recorder.catch_up(FLIGHTS[39].ts_us + 15 * MINUTE_US)
    assert brigade.flights()[0].detected.status is FlightStatus.AIRBORNE
    brigade.recorder.catch_up(FLIGHTS[39].ts_us + 15 * MINUTE_US + 1)
    assert brigade.flights()[0].detected.status is FlightStatus.LANDING_NOT_OBSERVED


def test_the_drones_data_are_copied_into_the_flight(brigade: Brigade) -> None:
    brigade.accept(FLIGHTS[:70])
    brigade.recorder.catch_up(at(75))
    with brigade.registry.write() as tx:
        inventory = tx.get(AssetRepository)
        inventory.change(replace(inventory.get(brigade.asset_id), name="Renamed"))
    brigade.accept(FLIGHTS[70:])
    brigade.recorder.catch_up(at(206))
    assert [f.drone["name"] for f in brigade.flights()] == ["Fritz", "Renamed"]


def test_packs_and_events_mark_nothing(brigade: Brigade) -> None:
    one = as_sample(brigade.asset_id, FLIGHTS[0])
    with brigade.registry.write() as tx:
        mark_new_samples(tx, [one._replace(part="battery-1"), one._replace(series="event_arm")])
    with brigade.registry.read() as tx:
        assert [m for m in tx.get(FlightBook).marks() if m.asset_id == brigade.asset_id] == []


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.integers(10, 80), st.integers(0, 9))
def test_any_order_of_arrival_gives_the_flights_of_all_samples(
    registry: SqlRegistry, seed: int, chunk: int, restarts: int
) -> None:
    brigade, chance = Brigade(registry, f"drone-{next(_NUMBERS)}"), Random(seed)
    later = [replace(s, ts_us=s.ts_us + 40 * MINUTE_US) for s in FLIGHTS]
    samples = [*FLIGHTS, *later]
    chance.shuffle(samples) if seed % 2 else samples.sort(key=lambda s: s.ts_us // (chunk * 10**6) % 3)
    for start in range(0, len(samples), chunk):
        brigade.accept(samples[start : start + chunk])
        brigade.recorder.catch_up(at(60 * 60))
        if chance.random() < restarts / 20:
            brigade.recorder = FlightRecorder(registry, brigade.store)  # type: ignore[arg-type]
    brigade.recorder.catch_up(at(60 * 60))
    assert [f.detected for f in brigade.flights()] == detect_flights(samples, now_us=at(60 * 60))
    with registry.read() as tx:
        listed = tx.get(FlightBook).find(FlightFilter(asset_id=brigade.asset_id)).items
    assert len({f.number for f in listed}) == len(listed)
