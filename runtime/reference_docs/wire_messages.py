"""What is said on which topic: the messages of one kind, and those that all kinds share."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from inspect import cleandoc
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import BaseModel

from devices import topics
from devices.commands.wire import CANCEL
from devices.kind import DeviceKind
from devices.messages import AckMessage, StatusMessage
from gateway.decode import MAX_BATCH
from runtime.reference_docs.recorded_messages import Example, RecordedMessages
from runtime.reference_docs.schemas import PLACE, Schema

HEAD: Final = "CommandHead"
CANCELLATION: Final = "Cancellation"
CONFIG_HEAD: Final = "ConfigHead"
GROUP: Final = "group.cmd"
MEMBERS: Final[Mapping[str, str | None]] = MappingProxyType(
    {
        **dict.fromkeys(("status", "info", "state", "telemetry", "event", "ack")),
        "config": "member.state",
    }
)
"""Channels of a connector's members, and on which it answers."""


@dataclass(frozen=True, slots=True)
class ProtocolMessage:
    """One kind of message. `payload` is a JSON Schema; `correlated`: `command_id` says what belongs together."""

    key: str
    title: str
    summary: str
    payload: Schema
    examples: Collection[Example] = ()
    correlated: bool = False


@dataclass(frozen=True, slots=True)
class WireTopic:
    """One topic as a device uses it; `answer` is the key of the topic that it answers on."""

    key: str
    address: str
    action: Literal["send", "receive"]
    retained: bool
    summary: str
    messages: Mapping[str, ProtocolMessage]
    names: tuple[str, ...] = ()
    """What may stand for `{name}` in the address."""
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class KindMessages:
    """One kind, the names of its schemas, and its recorded messages."""

    kind: DeviceKind
    schemas: Mapping[type[BaseModel], str]
    recorded: RecordedMessages
    root: str

    def topics(self) -> Iterator[WireTopic]:
        """Yield every topic of one device of the kind."""
        kind = self.kind
        yield self._up("status", StatusMessage, retained=True, summary="Connection state; also the last will.")
        yield self._up("info", kind.info, retained=True, summary="Who the device is; at start and when it changes.")
        yield self._up("state", kind.state, retained=True, summary="What it is set to and why; at every change.")
        yield self._telemetry()
        if kind.events:
            yield self._events()
        yield self._up("ack", AckMessage, retained=False, summary="Answer to a command.", correlated=True)
        yield self._config()
        for name, message in self.commands().items():
            summary = f"Command `{name}`; never retained."
            yield self._down(f"cmd.{name}", f"cmd/{name}", {name: message}, summary, answer=f"{kind.name}.ack")

    def commands(self) -> dict[str, ProtocolMessage]:
        """Messages on command topics by name, `cancel` last."""
        found = {
            body.NAME: ProtocolMessage(
                key=f"{self.kind.name}.cmd.{body.NAME}",
                title=f"{self.kind.title}: {body.NAME}",
                summary=_first_line(body),
                payload={"allOf": [schema_reference(HEAD), self._schema(body)]},
                examples=self.recorded.of(self.kind.name, f"cmd.{body.NAME}"),
                correlated=True,
            )
            for body in self.kind.commands
        }
        return found | {CANCEL: CANCEL_MESSAGE} if found else found

    def _up(
        self, channel: str, model: type[BaseModel], *, retained: bool, summary: str, correlated: bool = False
    ) -> WireTopic:
        message = self._message(channel, model, correlated=correlated)
        return WireTopic(
            f"{self.kind.name}.{channel}", self._address(channel), "send", retained, summary, {channel: message}
        )

    def _telemetry(self) -> WireTopic:
        sample = self._message("telemetry", self.kind.telemetry)
        limits = self.kind.limits
        batch = ProtocolMessage(
            key=f"{self.kind.name}.telemetry.batch",
            title=f"{self.kind.title}: telemetry, batch",
            summary="Samples of one boot that could not be sent in time, oldest first.",
            payload=_batch(sample.payload),
            examples=_batch_examples(sample.examples),
        )
        summary = (
            f"Samples, about every {limits.reporting_interval_s:g} s unless configured. Refused are a `ts` more than "
            f"{limits.clock_ahead_s:g} s ahead of receipt and one older than {limits.raw_retention_days} days. "
            "QoS 0 is taken too."
        )
        address = self._address("telemetry")
        messages = {"sample": sample, "batch": batch}
        return WireTopic(
            f"{self.kind.name}.telemetry", address, "send", retained=False, summary=summary, messages=messages
        )

    def _events(self) -> WireTopic:
        messages = {
            name: self._message(f"event.{name}", model, f"event {name}") for name, model in self.kind.events.items()
        }
        return WireTopic(
            key=f"{self.kind.name}.event",
            address=self._address("event/{name}"),
            action="send",
            retained=False,
            summary="Something happened; the event's name is the topic's last level.",
            messages=messages,
            names=tuple(messages),
        )

    def _config(self) -> WireTopic:
        message = ProtocolMessage(
            key=f"{self.kind.name}.config",
            title=f"{self.kind.title}: config",
            summary=_first_line(self.kind.config),
            payload={"allOf": [schema_reference(CONFIG_HEAD), self._schema(self.kind.config)]},
            examples=self.recorded.of(self.kind.name, "config"),
        )
        summary = "What it shall be set to; answer with a `state` that names its version as `config_version`."
        answer = f"{self.kind.name}.state"
        return self._down("config", "config", {"config": message}, summary, retained=True, answer=answer)

    def _down(
        self,
        key: str,
        tail: str,
        messages: Mapping[str, ProtocolMessage],
        summary: str,
        answer: str,
        *,
        retained: bool = False,
    ) -> WireTopic:
        whole = f"{self.kind.name}.{key}"
        return WireTopic(whole, self._address(tail), "receive", retained, summary, messages, answer=answer)

    def _message(
        self, channel: str, model: type[BaseModel], what: str | None = None, *, correlated: bool = False
    ) -> ProtocolMessage:
        return ProtocolMessage(
            key=f"{self.kind.name}.{channel}",
            title=f"{self.kind.title}: {what or channel}",
            summary=_first_line(model),
            payload=self._schema(model),
            examples=self.recorded.of(self.kind.name, channel),
            correlated=correlated,
        )

    def _schema(self, model: type[BaseModel]) -> Schema:
        return schema_reference(self.schemas[model])

    def _address(self, tail: str) -> str:
        return f"{topics.device_base('{tenant}', self.kind.name, '{device_id}', self.root)}/{tail}"


def group_topic(speakers: Collection[KindMessages], root: str) -> WireTopic:
    """The topic of commands to groups, with the commands of all kinds."""
    messages = {m.key: m for speaker in speakers for m in speaker.commands().values()}
    return WireTopic(
        key=GROUP,
        address=topics.group_command("{tenant}", "{group_id}", "{name}", root),
        action="receive",
        retained=False,
        summary=(
            "A command to all members of a group, once for all of them. Each member answers on its own `ack`, after a "
            "random delay of up to `ack_spread_s`."
        ),
        messages=messages,
        names=tuple(sorted({m.key.rpartition(".")[2] for m in messages.values()})),
    )


def member_topics(speakers: Collection[KindMessages], root: str) -> Iterator[WireTopic]:
    """What a connector says and hears for the devices that it speaks for, of whatever kind they are."""
    connector = topics.device_base("{tenant}", "{connector_kind}", "{connector_id}", root)
    base = topics.member_base(connector, "{kind}", "{device_id}")
    own = {topic.key: topic for speaker in speakers for topic in speaker.topics()}
    for channel, answer in MEMBERS.items():
        some = [own[key] for speaker in speakers if (key := f"{speaker.kind.name}.{channel}") in own]
        names = tuple(sorted({name for topic in some for name in topic.names}))
        yield WireTopic(
            key=f"member.{channel}",
            address=f"{base}/{channel}" + ("/{name}" if names else ""),
            action=some[0].action,
            retained=some[0].retained,
            summary=f"The `{channel}` of a device that a connector speaks for.",
            messages={message.key: message for topic in some for message in topic.messages.values()},
            names=names,
            answer=answer,
        )
    yield replace(
        group_topic(speakers, root),
        key="member.cmd",
        address=topics.command_topic(base, "{name}"),
        summary="A command to a device that a connector speaks for; also where its group was told.",
        answer="member.ack",
    )


def schema_reference(name: str) -> Schema:
    """Point to a schema by its name."""
    return {"$ref": PLACE + name}


def shared_schemas() -> dict[str, Schema]:
    """Schemas of the heads of commands, cancellations and configurations (`devices.commands.wire`)."""
    command_id: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
    instant: Schema = {"type": "string", "format": "date-time"}
    version: Schema = {"const": 1, "type": "integer"}
    head: dict[str, Schema] = {
        "v": version,
        "command_id": {**command_id, "description": "Act once per id; answer a repeated id with the stored answer."},
        "name": {"type": "string"},
        "issued_at": instant,
        "deliver_by": {**instant, "description": "Later than this: do nothing, answer rejected with reason expired."},
        "issuer": {"type": "string", "description": "Who asked for it."},
        "start_at": {**instant, "description": "When to begin; absent: at once."},
        "until": {**instant, "description": "When its effect ends by itself; absent where it has no end."},
        "ack_spread_s": {
            "type": "number",
            "minimum": 0,
            "description": "Wait a random time up to this before you answer.",
            "x-unit": "s",
        },
    }
    required = ["v", "command_id", "name", "issued_at", "deliver_by", "issuer"]
    return {
        HEAD: {"type": "object", "properties": head, "required": required},
        CANCELLATION: {
            "type": "object",
            "description": "End the effect of a command, or drop it where it waits for its start.",
            "properties": {"v": version, "command_id": command_id},
            "required": ["v", "command_id"],
        },
        CONFIG_HEAD: {
            "type": "object",
            "properties": {"v": version, "version": {"type": "integer", "minimum": 1}},
            "required": ["v", "version"],
        },
    }


CANCEL_MESSAGE: Final = ProtocolMessage(
    key="cancel",
    title="cancel",
    summary="Answer under the command's id with reason cancelled: applied where it was in force, else rejected.",
    payload=schema_reference(CANCELLATION),
    examples=({"name": "cancel", "payload": {"v": 1, "command_id": "3f1c9f0a6d3e4b0e9d0a5c7b2e8f4a61"}},),
    correlated=True,
)


def _batch(sample: Schema) -> Schema:
    """Whole samples; or samples without what stands once, for all of them, beside `batch`."""
    batch: dict[str, Any] = {"type": "array", "minItems": 1, "maxItems": MAX_BATCH}
    head = {"v": {"const": 1}, "device_id": {"type": "string"}, "boot_id": {"type": "string"}}
    samples = {"type": "object", "required": ["seq"]}
    return {
        "type": "object",
        "anyOf": [
            {"properties": {"batch": {**batch, "items": sample}}, "required": ["batch"]},
            {"properties": {**head, "batch": {**batch, "items": samples}}, "required": [*head, "batch"]},
        ],
    }


def _batch_examples(samples: Collection[Example]) -> list[Example]:
    return [{"name": "batch", "payload": {"batch": [e["payload"] for e in list(samples)[:1]]}}] if samples else []


def _first_line(model: type[BaseModel]) -> str:
    return cleandoc(model.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
