"""What nodes may say: ranges, counters of 64 bits, no addresses of anybody."""

import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from devices.event_network import KIND
from devices.event_network.rates import stored_counter
from devices.fields import FieldUnit, PlausibleRange
from devices.kind import DeviceKind

HEAD = {"v": 1, "device_id": "core", "ts": "2026-09-21T14:13:20Z", "boot_id": "b1", "seq": 5}


def say(**values: Any) -> dict[str, Any]:
    model = KIND.telemetry.model_validate_json(json.dumps(HEAD | values))
    assert not model.model_extra
    return model.values()


def refused(model: type[BaseModel], **values: Any) -> bool:
    try:
        model.model_validate_json(json.dumps(HEAD | values))
    except ValidationError:
        return True
    return False


@pytest.mark.parametrize("value", [0, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_counters_of_64_bits_come_back_exactly_as_number_and_as_text(value: int) -> None:
    for sent in (value, str(value)):
        stored = say(part="uplink", in_octets=sent)
        assert stored["in_octets"] < 2**63, "a signed column takes it"
        assert stored_counter(stored, "in_octets") == value


@pytest.mark.parametrize("value", [-1, 2**64, "18446744073709551616", "1e3", " 1", "", 1.5, True], ids=repr)
def test_what_is_no_counter_is_refused(value: object) -> None:
    assert refused(KIND.telemetry, in_octets=value)


def test_the_boot_is_kept_beside_octets_only() -> None:
    assert say(part="uplink", out_octets=1)["boot_id"] == "b1"
    assert "boot_id" not in say(part="", battery_pct=50.0)


def test_what_is_absent_is_not_stored() -> None:
    assert say(part="uplink", loss_pct=0.0) == {"loss_pct": 0.0}


@pytest.mark.parametrize(
    "values",
    [
        {"speed_bps": -1}, {"loss_pct": 100.1}, {"rtt_ms_avg": -0.1}, {"optical_rx_dbm": -120.0}, {"lat": 91.0},
        {"oper_status": "up"}, {"power_source": "magic"}, {"counter_bits": 48}, {"battery_pct": "full"},
        {"last_clear": "yesterday"}, {"tilt_deg": 181.0}, {"wifi_clients": -1},
    ],
)  # fmt: skip
def test_the_impossible_is_refused(values: dict[str, Any]) -> None:
    assert refused(KIND.telemetry, **values)


def test_no_light_is_told_by_a_flag_since_minus_infinity_is_not_json() -> None:
    text = json.dumps(HEAD | {"optical_rx_dbm": 0}).replace('"optical_rx_dbm": 0', '"optical_rx_dbm": -Infinity')
    with pytest.raises(ValidationError):
        KIND.telemetry.model_validate_json(text)
    assert say(part="port:1", rx_los=True) == {"rx_los": True}


@pytest.mark.parametrize(
    "name", ["a4:5e:60:d1:2f:00", "A4-5E-60-D1-2F-00", "a45e.60d1.2f00", "10.0.0.17", "fe80::1:2:3"]
)
def test_addresses_name_no_part_and_stand_in_no_event(name: str) -> None:
    assert refused(KIND.telemetry, part=name)
    assert refused(KIND.telemetry, part=f"x_{name}")
    assert refused(KIND.events["link_change"], oper_status="DOWN", text=f"client {name} left")


@pytest.mark.parametrize("name", ["", "uplink", "ssid:visitors", "vlan:20", "port:1.2.3", "Gi1-0-24", "queue:bos"])
def test_ordinary_names_of_parts_are_taken(name: str) -> None:
    assert not refused(KIND.telemetry, part=name)


def test_every_number_has_a_unit_and_what_is_implausible_is_possible() -> None:
    assert KIND.limits.clock_ahead_s == 60
    without = {
        name
        for name, field in KIND.telemetry.model_fields.items()
        if name not in KIND.telemetry.HEAD
        and not any(isinstance(m, FieldUnit) for m in _metadata(field.annotation))
        and any(word in str(field.annotation) for word in ("int", "float"))
    }
    assert without == set()
    assert say(part="", case_temp_celsius=120.0), "a fire must not be thrown away"


def test_plausible_ranges_lie_within_the_possible() -> None:
    found = {
        n: m
        for n, f in KIND.telemetry.model_fields.items()
        for m in _metadata(f.annotation)
        if isinstance(m, PlausibleRange)
    }
    assert {"case_temp_celsius", "optical_rx_dbm", "speed_bps"} <= set(found)
    for name, plausible in found.items():
        for edge in (plausible.low, plausible.high):
            whole = name == "speed_bps" or name.startswith("wifi_clients")
            assert not refused(KIND.telemetry, **{name: int(edge) if whole else edge}), name


def test_a_profile_names_classes_and_directions_only() -> None:
    assert not refused(KIND.state, applied={"bos_down_bps": 5, "visitors_up_bps": 10**10})
    for wrong in ({"bos_bps": 5}, {"kings_down_bps": 5}, {"bos_down_bps": -5}, {"bos_down_bps": 1.5}):
        assert refused(KIND.state, applied=wrong), wrong


def test_set_profile_is_absolute_and_has_no_end() -> None:
    command = KIND.command("set_profile")
    assert command is not None
    assert (command.HAS_EFFECT, command.SCOPE) == (False, "network:profile")
    command.model_validate({"service_class": "bos", "down_bps": 1, "up_bps": 2})
    for wrong in ({"service_class": "bos"}, {"service_class": "kings", "down_bps": 1, "up_bps": 2}):
        with pytest.raises(ValidationError):
            command.model_validate(wrong)


def test_the_declaration_is_complete() -> None:
    assert isinstance(KIND, DeviceKind)
    assert set(KIND.events) == {"capacity_test", "link_change", "power_change", "enclosure"}


def _metadata(annotation: Any) -> list[Any]:
    found = list(getattr(annotation, "__metadata__", ()))
    for inner in getattr(annotation, "__args__", ()):
        found += _metadata(inner)
    return found
