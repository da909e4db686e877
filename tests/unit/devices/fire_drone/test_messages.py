"""What a drone may say."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from devices.fire_drone import KIND
from devices.fire_drone.telemetry import DroneTelemetry
from devices.messages import Envelope

ROOT = Path(__file__).parents[4]
PAYLOADS = {
    path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "tests/payloads/fire_drone").glob("*.json"))
}
HEAD = {"v": 1, "device_id": "fritz", "ts": "2026-09-21T14:14:00Z", "boot_id": "b1", "seq": 1}


def telemetry(**body: Any) -> DroneTelemetry:
    return DroneTelemetry.model_validate_json(json.dumps(HEAD | body))


@pytest.mark.parametrize("name", PAYLOADS)
def test_recorded_messages_are_still_understood_whole(name: str) -> None:
    channel, _, event = name.partition("-")[0].partition(".")
    models: dict[str, type[Envelope]] = {"telemetry": KIND.telemetry, "state": KIND.state, "info": KIND.info}
    model = KIND.events[event] if event else models[channel]
    read = model.model_validate_json(json.dumps(PAYLOADS[name]))
    assert not read.model_extra
    assert {"telemetry-airborne", "telemetry-battery", "event.takeoff", "info", "state"} <= set(PAYLOADS)


@pytest.mark.parametrize(
    "body", [{"lat": 0, "lon": 0}, {"lat": 49.4}, {"lon": 7.7}, {"lat": 49.4, "lon": 7.7, "fix": "none"}]
)
def test_positions_that_are_none_are_absent(body: dict[str, Any]) -> None:
    assert {"lat", "lon"}.isdisjoint(telemetry(**body).values())


def test_a_position_on_the_equator_is_one() -> None:
    assert telemetry(lat=0, lon=7.7).values()["lat"] == 0


def test_the_boot_is_stored_with_each_sample() -> None:
    assert telemetry(armed=True).values() == {"boot_id": "b1", "armed": True}


@pytest.mark.parametrize(
    "body",
    [
        {"lat": 91, "lon": 0},
        {"heading_deg": 360},
        {"battery_pct": 101},
        {"satellites": 255},
        {"flight_state": "hopping"},
    ],
)
def test_impossible_values_are_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        telemetry(**body)


def test_a_burning_battery_is_not_refused() -> None:
    assert telemetry(battery_temperature_c=110.0, ground_speed_ms=70.0).values()["battery_temperature_c"] == 110


def test_nothing_can_be_commanded_that_flies() -> None:
    assert [command.NAME for command in KIND.commands] == ["set_telemetry_rate", "request_full_state"]
    assert {command.SCOPE for command in KIND.commands} == {"fire_drone:command"}
    assert KIND.restricted
