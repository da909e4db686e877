"""The AsyncAPI 3.1 description of the wire protocol, made from the kinds' models, as a device sees it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import yaml
from pydantic import BaseModel

from api.openapi import derive_version
from devices.kind import DeviceKind
from devices.messages import AckMessage, StatusMessage
from devices.topics import ROOT
from gateway.decode import MAX_PAYLOAD_BYTES
from runtime.reference_docs.recorded_messages import RecordedMessages
from runtime.reference_docs.schemas import schemas_of
from runtime.reference_docs.wire_messages import (
    KindMessages,
    ProtocolMessage,
    WireTopic,
    group_topic,
    member_topics,
    shared_schemas,
)

ASYNCAPI: Final = "3.1.0"
RELEASE: Final = "1.0.0"
"""What devices can rely on: its first number is the protocol's `v`. What is added changes the digest behind it only."""
ABOUT: Final = f"""\
What devices say to Lautern and what it says to them: MQTT 3.1.1, JSON in UTF-8 of at most {MAX_PAYLOAD_BYTES} bytes.

The device is the application that this file describes: it *sends* telemetry and *receives* commands. Unknown is absent,
never 0. Unknown fields are ignored and counted. `ts` is RFC 3339 in UTC; a device without a clock leaves it out.
A message is named by `boot_id` and `seq`, which rises within a boot; a sample by `part` and `ts`.

`x-unit` is a field's unit, `x-standards` are its names elsewhere. Values outside of a schema's range are refused;
those outside of `x-plausible` are stored, marked suspect, and raise an alarm.

How to connect a device: docs/device-makers-guide.md. Made by `python -m runtime.reference_docs`; do not edit.
"""
Node = dict[str, Any]


class _Dumper(yaml.SafeDumper):
    """Writes everything out: aliases are for machines."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def asyncapi_text(document: Node) -> str:
    """The file's content."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def describe_protocol(kinds: Iterable[DeviceKind], recorded: RecordedMessages, root: str = ROOT) -> Node:
    """Describe the kinds that are things of the city."""
    shown = sorted((kind for kind in kinds if not kind.internal), key=lambda kind: kind.name)
    names, schemas = schemas_of([model for kind in shown for model in _models(kind)])
    speakers = [KindMessages(kind, names, recorded, root) for kind in shown]
    topics = [topic for speaker in speakers for topic in speaker.topics()]
    topics.append(group_topic(speakers, root))
    topics.extend(member_topics(speakers, root))
    document: Node = {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "Lautern: devices",
            "version": RELEASE,
            "description": ABOUT,
            "license": {"name": "EUPL-1.2", "url": "https://eupl.eu/1.2/en/"},
        },
        "defaultContentType": "application/json",
        "servers": {"broker": _server(root)},
        "channels": {topic.key: _channel(topic) for topic in topics},
        "operations": {topic.key: _operation(topic) for topic in topics},
        "components": {
            "securitySchemes": {
                "login": {
                    "type": "userPassword",
                    "description": "The user name is tenant/kind/device_id; it may write that device's topics only, "
                    "and below them, as a connector, what the devices say that it was given.",
                }
            },
            "parameters": _parameters(),
            "messages": {m.key: _message(m) for topic in topics for m in topic.messages.values()},
            "schemas": {**shared_schemas(), **schemas},
        },
    }
    document["info"]["version"] = derive_version(RELEASE, document)
    return document


def _models(kind: DeviceKind) -> Iterator[type[BaseModel]]:
    yield from (kind.telemetry, kind.state, kind.info, kind.config, AckMessage, StatusMessage)
    yield from kind.events.values()
    yield from kind.commands


def _server(root: str) -> Node:
    will = {
        "topic": f"{root}/{{tenant}}/{{kind}}/{{device_id}}/status",
        "qos": 1,
        "retain": True,
        "message": '{"v": 1, "boot_id": "…", "state": "offline"}',
    }
    return {
        "host": "{host}:{port}",
        "protocol": "mqtt",
        "protocolVersion": "3.1.1",
        "description": "The city's broker; port 8883 with TLS.",
        "variables": {
            "host": {"default": "localhost"},
            "port": {"default": "1883", "examples": ["1883", "8883"]},
        },
        "security": [{"$ref": "#/components/securitySchemes/login"}],
        "bindings": {"mqtt": {"lastWill": will, "bindingVersion": "0.2.0"}},
    }


def _parameters() -> Node:
    an_id = "1 to 64 of A-Z, a-z, 0-9, _ and -."
    return {
        "tenant": {"description": f"The municipality that owns the device. {an_id}", "examples": ["kaiserslautern"]},
        "device_id": {"description": f"Unique in the installation. {an_id}", "examples": ["L01", "fritz"]},
        "connector_kind": {"description": f"Kind of the device that speaks for another. {an_id}"},
        "connector_id": {"description": f"Device that speaks for another. {an_id}", "examples": ["box"]},
        "kind": {"description": "Kind of the device that is spoken for.", "examples": ["streetlight"]},
        "group_id": {"description": f"A group that `config` names. {an_id}", "examples": ["fauthweg"]},
    }


def _channel(topic: WireTopic) -> Node:
    found: Node = {
        "address": topic.address,
        "messages": {name: {"$ref": f"#/components/messages/{m.key}"} for name, m in topic.messages.items()},
        "parameters": {
            name: {"$ref": f"#/components/parameters/{name}"}
            for name in _parameters()
            if f"{{{name}}}" in topic.address
        },
    }
    if topic.names:
        found["parameters"]["name"] = {"enum": list(topic.names)}
    return found


def _operation(topic: WireTopic) -> Node:
    # A subscription of QoS 1 costs the broker a queue; commands are repeated, `config` is compared by version.
    qos = 1 if topic.action == "send" else 0
    found: Node = {
        "action": topic.action,
        "channel": {"$ref": f"#/channels/{topic.key}"},
        "summary": topic.summary,
        "bindings": {"mqtt": {"qos": qos, "retain": topic.retained, "bindingVersion": "0.2.0"}},
    }
    if topic.answer is not None:
        found["reply"] = {"channel": {"$ref": f"#/channels/{topic.answer}"}}
    return found


def _message(message: ProtocolMessage) -> Node:
    found: Node = {"name": message.key, "title": message.title, "summary": message.summary}
    if message.correlated:
        found["correlationId"] = {"location": "$message.payload#/command_id"}
    found["payload"] = message.payload
    if message.examples:
        found["examples"] = list(message.examples)
    return found


def schema_of(document: Mapping[str, Any], message: str) -> Node:
    """JSON Schema of one message that stands for itself, to check messages with."""
    components = document["components"]
    return {**components["messages"][message]["payload"], "components": {"schemas": components["schemas"]}}
