"""Rates from either store: the same figures, true to the octet."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.kinds.event_network.schemas.events import EventBody, event_of
from application.kinds.event_network.rate_history import RateHistory
from application.ports.telemetry import TelemetryReader, TelemetryWriter
from devices.event_network.city_event import CityEvent, MeasuredObject
from devices.event_network.enums import TrafficDirection
from devices.event_network.telemetry import NodeTelemetry
from devices.kind_catalog import discover_kinds
from devices.samples import Sample
from devices.time_us import DAY_US, HOUR_US, MINUTE_US, rfc3339
from simulators.device import FleetOptions
from simulators.kinds.event_network import build_fleet
from simulators.kinds.event_network.device import SimulatedNode, TrueVolume
from simulators.kinds.event_network.event import demo_event
from storage.telemetry.influx_reader import InfluxTelemetryReader
from storage.telemetry.influx_writer import InfluxTelemetryWriter
from storage.telemetry.sqlite_reader import SqliteTelemetryReader
from storage.telemetry.sqlite_writer import SqliteTelemetryWriter

NOW_US = time.time_ns() // 1000 // MINUTE_US * MINUTE_US
if NOW_US % DAY_US // HOUR_US == 2:
    # At 2:00 UTC the simulated uplink clears its counters; what it carried in the moment before nobody knows.
    NOW_US -= HOUR_US
MINUTES = 30
Stores = tuple[TelemetryWriter, TelemetryReader]


@pytest.fixture(params=["sqlite", "influxdb"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    catalog = discover_kinds()
    writer: TelemetryWriter
    reader: TelemetryReader
    if request.param == "sqlite":
        writer = SqliteTelemetryWriter(path=tmp_path / "t.db", catalog=catalog)
        reader = SqliteTelemetryReader(path=tmp_path / "t.db", catalog=catalog)
    else:
        server = request.getfixturevalue("influxdb")
        where: dict[str, Any] = {"url": server.url, "org": server.org, "token": server.token, "catalog": catalog}
        where |= {"bucket_prefix": request.getfixturevalue("bucket_prefix")}
        writer = InfluxTelemetryWriter(**where, state_path=tmp_path / "state.db")
        reader = InfluxTelemetryReader(**where)
    yield writer, reader
    reader.close()
    writer.close()


@pytest.fixture
def truth(stores: Stores) -> dict[tuple[str, str], TrueVolume]:
    """What the scene really carried, after its samples were written."""
    samples: list[Sample] = []
    found: dict[tuple[str, str], TrueVolume] = {}
    for node in build_fleet(FleetOptions(5, 1)):
        assert isinstance(node, SimulatedNode)
        messages = [*node.start(NOW_US - MINUTES * MINUTE_US), *node.tick(NOW_US)]
        for message in messages:
            if message.channel == "telemetry" and message.ts_us is not None:
                head = {"v": 1, "device_id": node.device_id, "ts": rfc3339(message.ts_us), "boot_id": "b1", "seq": 1}
                model = NodeTelemetry.model_validate_json(json.dumps(head | dict(message.body)))
                at = (node.device_id, "event_network", "kl", "telemetry", model.part, message.ts_us, message.ts_us)
                samples.append(Sample(*at, model.values()))
        found |= {(t.device_id, t.part): t for t in node.truth()}
    stores[0].write(samples)
    return found


def plan() -> CityEvent:
    return event_of(EventBody.model_validate(demo_event(NOW_US)), "e", "kl", NOW_US)


def test_history_has_the_true_volume_of_every_line(stores: Stores, truth: dict[tuple[str, str], TrueVolume]) -> None:
    event = plan()
    found = RateHistory(stores[1], interval_s=10).of(event, NOW_US - 40 * MINUTE_US, NOW_US, MINUTE_US)
    for line in found.lines:
        if line.area_id is None:
            continue
        objects = [o for o in event.objects if (o.area_id, o.service_class) == (line.area_id, line.service_class)]
        true = sum(truth[o.asset_id, o.part].out_octets for o in objects)
        assert sum(p.octets for p in line.points[TrafficDirection.DOWN]) == true


def test_the_fold_of_the_uplinks_counter_is_not_seen_in_its_history(
    stores: Stores, truth: dict[tuple[str, str], TrueVolume]
) -> None:
    event = replace(plan(), objects=(MeasuredObject("up", "mogli-core", "uplink", None, None, "other"),), bookings=())
    found = RateHistory(stores[1], interval_s=10).of(event, NOW_US - 40 * MINUTE_US, NOW_US, MINUTE_US)
    points = found.lines[0].points[TrafficDirection.DOWN]
    assert sum(p.octets for p in points) == truth["mogli-core", "uplink"].out_octets
    assert max(p.max_bps or 0 for p in points) < 10**9
