"""A simulated drone's morning, from its messages to the brigade's screen; nobody else sees any of it."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import gpxpy
import pytest
from fastapi.testclient import TestClient

from api.application import create_app
from api.services import Services
from application.access.api_keys import secret_digest
from application.audit.signer import AuditSigner
from application.kinds.fire_drone.flight_recorder import FlightRecorder
from application.ports.api_keys import ApiKey, ApiKeys
from application.ports.inventory import Asset, AssetRepository
from application.ports.latest_values import LatestValue, LatestValues
from application.ports.registry import Registry
from devices.kind_catalog import discover_kinds
from devices.samples import RawMessage, Sample
from devices.time_us import HOUR_US, SECOND_US, to_us
from gateway.decode import DecodedMessage, MessageDecoder
from gateway.kinds.fire_drone.reactions import DroneReactions
from simulators.device import FleetOptions
from simulators.envelope_sender import EnvelopeSender
from simulators.kinds.fire_drone import build_fleet
from simulators.kinds.fire_drone.device import SimulatedDrone, TrueFlight
from storage.registry.engine import SqlRegistry, open_registry
from storage.telemetry.sqlite_reader import SqliteTelemetryReader
from storage.telemetry.sqlite_writer import SqliteTelemetryWriter

START_US = 1_790_000_000 * SECOND_US
END_US = START_US + 2 * HOUR_US
SECRET = "s" * 43


@dataclass(frozen=True)
class Brigade:
    client: TestClient
    flown: tuple[TrueFlight, ...]
    clock: list[int]
    registry: Registry

    def get(self, path: str, key: str = "brigade", **query: Any) -> Any:
        return self.client.get(f"/api/v1{path}", params=query, headers={"X-API-Key": f"{key}.{SECRET}"})

    def flights(self) -> list[dict[str, Any]]:
        return list(self.get("/flights").json()["items"])


@dataclass(frozen=True)
class Recorded:
    services: Services
    flown: tuple[TrueFlight, ...]
    clock: list[int]


@pytest.fixture
def brigade(recorded: Recorded) -> Iterator[Brigade]:
    with TestClient(create_app(recorded.services)) as client:
        yield Brigade(client, recorded.flown, recorded.clock, recorded.services.registry)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    folder: Path = tmp_path_factory.mktemp("brigade")
    catalog, clock = discover_kinds(), [END_US]
    signer = AuditSigner(bytes(32), lambda: clock[0])
    registry = open_registry(f"sqlite:///{folder}/registry.db", checkpoints=True, signer=signer)
    writer = SqliteTelemetryWriter(path=folder / "telemetry.db", catalog=catalog)
    reader = SqliteTelemetryReader(path=folder / "telemetry.db", catalog=catalog, now_us=lambda: clock[0])
    people(registry)
    device = build_fleet(FleetOptions(1, 3))[0]
    assert isinstance(device, SimulatedDrone)
    samples = morning(device)
    reactions = DroneReactions(FlightRecorder(registry, reader))
    for start in range(0, len(samples), 500):
        with registry.write() as tx:
            reactions.on_samples(tx, samples[start : start + 500])
        writer.write(samples[start : start + 500])
        reactions.work(samples[start].ts_us)
    reactions.work(END_US)
    newest = next(s for s in reversed(samples) if s.series == "telemetry" and not s.part)
    with registry.write() as tx:
        latest = LatestValue(
            "fritz", "fire_drone", "kl", "telemetry", "", newest.ts_us, newest.received_us, newest.values
        )
        tx.get(LatestValues).put([latest])
    services = Services(registry, reader, catalog, lambda: clock[0], "1")
    yield Recorded(services, tuple(device.flights()), clock)
    reader.close()
    writer.close()
    registry.close()


def people(registry: SqlRegistry) -> None:
    """Keys of the brigade, of everybody else, and of another town's brigade."""
    scopes = {
        "brigade": {"fire_drone:read"},
        "admin": {"*"},
        "lights": {"streetlight:read"},
        "far": {"fire_drone:read"},
    }
    with registry.write() as tx:
        for name, granted in scopes.items():
            town = "elsewhere" if name == "far" else "kl"
            tx.get(ApiKeys).add(ApiKey(name, name, secret_digest(SECRET), name, town, frozenset(granted), START_US))
        tx.get(AssetRepository).add(Asset("fritz", "kl", "fire_drone", "Fritz", START_US))
        tx.get(AssetRepository).add(Asset("ottmar", "kl", "fire_drone", "Ottmar", START_US))
        tx.get(AssetRepository).add(Asset("lamp", "kl", "streetlight", "Lamp", START_US))


def morning(device: SimulatedDrone) -> list[Sample]:
    """Two hours as the gateway accepts them."""
    decoder = MessageDecoder(discover_kinds())
    sender = EnvelopeSender(device_id=device.device_id, kind="fire_drone", tenant_id="kl", boot_id="b1")
    sent = [*device.start(START_US), *device.tick(END_US)]
    samples = []
    for message in sent:
        wire = sender.wire(message)
        received_us = (message.ts_us or 0) + 80_000
        heard = decoder.decode(RawMessage(wire.topic.encode(), wire.payload, 1, False, False, received_us))  # noqa: FBT003
        assert isinstance(heard, DecodedMessage)
        samples += [
            Sample("fritz", "fire_drone", "kl", r.series, r.part, r.ts_us or 0, received_us, r.values)
            for r in heard.readings
        ]
    return samples


def test_the_flight_book_lists_what_was_flown(brigade: Brigade) -> None:
    listed = brigade.flights()
    starts = [to_us(datetime.fromisoformat(f["takeoff"])) for f in listed[::-1]]
    assert all(abs(a - flown.takeoff_us) <= 2 * SECOND_US for a, flown in zip(starts, brigade.flown, strict=True))
    assert len(listed) >= 3
    assert [f["number"] for f in listed] == list(range(len(listed), 0, -1))


def test_flights_are_filtered_and_paged(brigade: Brigade) -> None:
    listed = brigade.flights()
    first = brigade.get("/flights", limit=1).json()
    second = brigade.get("/flights", limit=1, cursor=first["next_cursor"]).json()
    assert [first["items"][0]["id"], second["items"][0]["id"]] == [f["id"] for f in listed[:2]]
    assert brigade.get("/flights", drone="ottmar").json()["items"] == []
    later = brigade.get("/flights", **{"from": listed[0]["takeoff"]}).json()["items"]
    assert [f["id"] for f in later] == [listed[0]["id"]]
    before = brigade.get("/flights", to=listed[0]["takeoff"]).json()["items"]
    assert [f["id"] for f in before] == [f["id"] for f in listed[1:]]
    longest = max(f["duration_s"] for f in listed)
    assert [f["duration_s"] for f in brigade.get("/flights", min_duration_s=longest).json()["items"]] == [longest]
    assert brigade.get("/flights", status="hovering").status_code == 422


def test_a_flight_shows_its_figures_and_quality(brigade: Brigade) -> None:
    flight = brigade.get(f"/flights/{brigade.flights()[-1]['id']}").json()
    flown = brigade.flown[0]
    assert (flight["drone_id"], flight["drone"], flight["status"]) == ("fritz", {"name": "Fritz"}, "landed")
    assert flight["duration_s"] == pytest.approx((flown.landing_us - flown.takeoff_us) / SECOND_US, abs=2)
    assert flight["figures"]["battery_serial"] == flown.battery_serial
    assert flight["quality"]["samples"] >= flight["duration_s"]
    assert flight["landing"].endswith("Z")


@pytest.mark.parametrize("format_", ["gpx", "kml", "geojson", "csv", "json"])
def test_a_track_is_a_file_with_every_sample(brigade: Brigade, format_: str) -> None:
    flight = brigade.get(f"/flights/{brigade.flights()[-1]['id']}").json()
    answer = brigade.get(f"/flights/{flight['id']}/track", format=format_)
    stamp = flight["takeoff"][:19].replace("-", "").replace(":", "") + "Z"
    assert answer.headers["content-disposition"] == f'attachment; filename="{stamp}_fritz_1.{format_}"'
    assert answer.headers["x-track-every"] == "1"
    assert counted(format_, answer.text) == flight["quality"]["samples"]


def counted(format_: str, text: str) -> int:
    if format_ == "gpx":
        return sum(len(s.points) for t in gpxpy.parse(text).tracks for s in t.segments)
    if format_ == "kml":
        return text.count("<gx:coord>")
    if format_ == "geojson":
        return sum(map(len, json.loads(text)["features"][0]["geometry"]["coordinates"]))
    if format_ == "csv":
        return len(list(csv.reader(io.StringIO(text, newline="")))) - 1
    return len(json.loads(text)["points"])


def test_a_track_is_thinned_only_when_asked(brigade: Brigade) -> None:
    flight = brigade.flights()[-1]
    answer = brigade.get(f"/flights/{flight['id']}/track", format="json", every=10)
    assert answer.json()["every"] == int(answer.headers["x-track-every"]) == 10
    assert len(answer.json()["points"]) == pytest.approx(flight["duration_s"] / 10, abs=6)
    assert "_every10.json" in answer.headers["content-disposition"]


def test_a_drone_is_live_then_stale_then_offline(brigade: Brigade) -> None:
    newest = brigade.get("/drones/fritz").json()
    seen = []
    for age_s in (5, 6, 15, 16):
        brigade.clock[0] = heard_us(brigade) + age_s * SECOND_US
        shown = brigade.get("/drones/fritz").json()
        seen.append((shown["age_s"], shown["link"]))
    brigade.clock[0] = END_US
    assert seen == [(5, "live"), (6, "stale"), (15, "stale"), (16, "offline")]
    assert newest["battery_pct"] > 0
    assert newest["position"]["altitude_amsl_m"] != newest["position"]["altitude_ellipsoid_m"]


def heard_us(brigade: Brigade) -> int:
    with brigade.registry.read() as tx:
        return tx.get(LatestValues).of_assets(["fritz"])[0].ts_us


def test_drones_are_listed_and_lamps_are_not(brigade: Brigade) -> None:
    listed = brigade.get("/drones").json()["items"]
    assert [(d["id"], d["link"] == "never_heard") for d in listed] == [("fritz", False), ("ottmar", True)]
    assert brigade.get("/drones/lamp").status_code == 404


def test_the_last_position_has_an_age_of_its_own(brigade: Brigade) -> None:
    position = brigade.get("/drones/fritz/position").json()
    assert position["lat"] == pytest.approx(49.4447, abs=0.01)
    assert position["age_s"] >= 0
    assert brigade.get("/drones/ottmar/position").status_code == 404


@pytest.mark.parametrize("key", ["admin", "lights", "far"])
def test_nobody_else_learns_anything(brigade: Brigade, key: str) -> None:
    flight = brigade.flights()[0]["id"]
    hidden = ["/drones/fritz", "/drones/fritz/position", f"/flights/{flight}", f"/flights/{flight}/track"]
    assert {brigade.get(path, key).status_code for path in hidden} == {404}
    lists = [brigade.get(path, key) for path in ("/drones", "/flights")]
    if key == "far":
        assert [answer.json()["items"] for answer in lists] == [[], []]
    else:
        assert [answer.status_code for answer in lists] == [404, 404]


def test_without_a_key_there_is_no_answer(brigade: Brigade) -> None:
    assert brigade.client.get("/api/v1/flights").status_code == 401
