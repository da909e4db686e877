"""The committed AsyncAPI file: valid, current, and true of what goes over the wire."""

import copy
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, FormatChecker

from application.ports.desired_configs import DesiredConfig
from devices.commands import wire
from devices.commands.command import Command
from devices.kind_catalog import discover_kinds
from devices.messages import TelemetryMessage
from devices.samples import RawMessage
from devices.time_us import to_us
from gateway.decode import DecodedMessage, MessageDecoder
from runtime.reference_docs import asyncapi, recorded_messages
from runtime.reference_docs.__main__ import ASYNCAPI, PAYLOADS

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = Path(__file__).parent / "asyncapi" / "asyncapi-3.1.0.schema.json"
CATALOG = discover_kinds()


@cache
def committed() -> dict[str, Any]:
    return dict(yaml.load((ROOT / ASYNCAPI).read_text(), Loader=yaml.CSafeLoader))


@cache
def specification() -> Draft7Validator:
    return Draft7Validator(json.loads(SCHEMA.read_text()))


def valid(message: str, payload: Any) -> bool:
    schema = asyncapi.schema_of(committed(), message)
    return bool(Draft7Validator(schema, format_checker=FormatChecker()).is_valid(payload))


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def examples() -> list[tuple[str, str, Any]]:
    found = recorded_messages.read_recorded(ROOT / PAYLOADS).by_channel
    return [(kind, channel, e["payload"]) for (kind, channel), some in sorted(found.items()) for e in some]


def test_the_file_is_current() -> None:
    now = asyncapi.describe_protocol(CATALOG.values(), recorded_messages.read_recorded(ROOT / PAYLOADS))
    stale = [part for part in now if committed().get(part) != now[part]]
    assert not stale, f"stale in {', '.join(stale)}; write it anew with: python -m runtime.reference_docs"
    assert yaml.safe_load(asyncapi.asyncapi_text({"info": now["info"]})) == {"info": now["info"]}


def test_it_is_valid_asyncapi_3_1() -> None:
    assert [e.message for e in specification().iter_errors(committed())] == []


def test_the_validator_sees_what_is_wrong() -> None:
    broken = copy.deepcopy(committed())
    broken["channels"]["streetlight.telemetry"]["adress"] = "typing error"
    assert not specification().is_valid(broken)


def test_every_reference_leads_somewhere() -> None:
    found = set(references(committed()))
    assert len(found) > 100
    for reference in found:
        node: Any = committed()
        for step in reference.removeprefix("#/").split("/"):
            assert step in node, reference
            node = node[step]


def test_every_channel_of_every_kind_is_there_and_no_internal_kind() -> None:
    channels = committed()["channels"]
    for kind in CATALOG.values():
        wanted = {"status", "info", "state", "telemetry", "ack", "config", *(f"cmd.{c.NAME}" for c in kind.commands)}
        wanted |= {"event"} if kind.events else set()
        wanted |= {"cmd.cancel"} if kind.commands else set()
        there = {name.partition(".")[2] for name in channels if name.startswith(f"{kind.name}.")}
        assert there == (set() if kind.internal else wanted)
        if not kind.internal and kind.events:
            assert set(channels[f"{kind.name}.event"]["messages"]) == set(kind.events)


def test_retained_is_what_a_late_subscriber_must_know_and_never_a_command() -> None:
    operations = committed()["operations"]
    retained = {name.partition(".")[2] for name, o in operations.items() if o["bindings"]["mqtt"]["retain"]}
    assert retained == {"status", "info", "state", "config"}
    assert {(o["action"], o["bindings"]["mqtt"]["qos"]) for o in operations.values()} == {("send", 1), ("receive", 0)}


@pytest.mark.parametrize("kind", [k.name for k in CATALOG.values() if not k.internal])
def test_ranges_units_and_names_of_the_models_stand_in_the_file(kind: str) -> None:
    payload = committed()["components"]["messages"][f"{kind}.telemetry"]["payload"]
    properties = committed()["components"]["schemas"][payload["$ref"].rpartition("/")[2]]["properties"]
    assert set(properties) == set(CATALOG[kind].telemetry.model_fields)
    measured = {name: p for name, p in properties.items() if name not in TelemetryMessage.model_fields}
    assert sum("x-unit" in p for p in measured.values()) > len(measured) / 2
    assert any("x-standards" in p for p in measured.values())


def test_a_field_says_everything_its_declaration_says() -> None:
    voltage = committed()["components"]["schemas"]["LampTelemetry"]["properties"]["voltage_v"]
    assert voltage == {
        "type": "number",
        "minimum": 0,
        "maximum": 1000,
        "x-unit": "V",
        "x-standards": ["TALQ supplyVoltage", "uCIFI 3418 Supply voltage"],
        "x-plausible": [0, 280],
    }
    road_users = committed()["components"]["schemas"]["LampTelemetry"]["properties"]["road_users"]
    assert road_users["description"] == "Counted in the last `sampling_s`."


@pytest.mark.parametrize(("kind", "channel", "payload"), examples())
def test_recorded_messages_agree_with_schema_and_decoder(kind: str, channel: str, payload: Any) -> None:
    assert valid(f"{kind}.{channel}", payload)
    shown = committed()["components"]["messages"][f"{kind}.{channel}"]["examples"]
    assert payload in [e["payload"] for e in shown]
    if channel.partition(".")[0] not in {"config", "cmd"}:
        assert isinstance(decoded(kind, channel, payload), DecodedMessage)


def decoded(kind: str, channel: str, payload: Any) -> object:
    topic = f"city/v1/kl/{kind}/{payload.get('device_id', 'L01')}/{channel.replace('.', '/')}"
    model = CATALOG[kind].telemetry.model_validate_json(json.dumps(payload)) if channel == "telemetry" else None
    received_us = to_us(model.ts) if model is not None and model.ts is not None else 1_800_000_000_000_000
    return MessageDecoder(CATALOG).decode(raw(topic, payload, received_us, retained=model is None))


def raw(topic: str, payload: Any, received_us: int, *, retained: bool = False) -> RawMessage:
    return RawMessage(
        topic.encode(), json.dumps(payload).encode(), 1, retained=retained, duplicate=False, received_us=received_us
    )


@pytest.mark.parametrize(
    "wrong",
    [{"v": 2}, {"level_pct": 101}, {"level_pct": "40"}, {"device_id": "a/b"}, {"seq": -1}, {"seq": None}],
)
def test_what_the_gateway_refuses_is_refused_by_the_schema(wrong: dict[str, Any]) -> None:
    sample = {"v": 1, "device_id": "L01", "boot_id": "b1", "seq": 1, "ts": "2026-11-23T19:05:00Z", "level_pct": 40}
    assert valid("streetlight.telemetry", sample)
    assert isinstance(decoded("streetlight", "telemetry", sample), DecodedMessage)
    assert not valid("streetlight.telemetry", sample | wrong)


@pytest.mark.parametrize(
    "batch",
    [
        {"batch": [{"v": 1, "device_id": "L01", "boot_id": "b1", "seq": n, "level_pct": 40} for n in (1, 2)]},
        {"v": 1, "device_id": "L01", "boot_id": "b1", "batch": [{"seq": n, "level_pct": 40} for n in (1, 2)]},
    ],
)
def test_both_forms_of_a_batch_agree_with_schema_and_decoder(batch: Any) -> None:
    assert valid("streetlight.telemetry.batch", batch)
    heard = MessageDecoder(CATALOG).decode(raw("city/v1/kl/streetlight/L01/telemetry", batch, 0))
    assert isinstance(heard, DecodedMessage)
    assert len(heard.readings) == 2
    assert not valid("streetlight.telemetry.batch", {"batch": []})


def test_commands_and_configurations_go_out_as_described() -> None:
    command = Command(
        command_id="c1", wire_id="w1", tenant_id="kl", kind="streetlight", asset_id="L01", group_id=None, name="dim",
        arguments={"level_pct": 40.0, "priority": "override"}, issuer="operator", reason="", issued_us=0,
        deliver_by_us=10_000_000, until_us=7_200_000_000,
    )  # fmt: skip
    said = json.loads(wire.encode_command(command, spread_s=2.5))
    assert valid("streetlight.cmd.dim", said)
    assert said.keys() <= wire.HEAD | {"level_pct", "priority"}
    assert not valid("streetlight.cmd.dim", said | {"level_pct": 101})
    assert not valid("streetlight.cmd.dim", {k: v for k, v in said.items() if k != "deliver_by"})
    assert valid("cancel", json.loads(wire.encode_cancel(command)))
    assert set(committed()["components"]["schemas"]["CommandHead"]["properties"]) == wire.HEAD
    config = DesiredConfig("L01", "kl", "streetlight", 3, {"groups": ["fauthweg"]}, 0)
    assert valid("streetlight.config", json.loads(wire.encode_config(config.body, config.version)))
