"""Topic and bytes to values, or to a refusal with its reason. Pure; raises nothing, whatever comes in."""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, NamedTuple, NotRequired, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from application.privacy.small_counts import rounded_values
from devices.fields import PlausibleRange
from devices.kind import DeviceKind
from devices.kind_catalog import KindCatalog
from devices.messages import AckMessage, Envelope, StatusMessage, TelemetryMessage, WireModel
from devices.pii_filter import REASON, named_in
from devices.samples import TELEMETRY, RawMessage, Value
from devices.time_us import DAY_US, EPOCH, MICROSECOND, SECOND_US, to_us
from devices.topics import ROOT, UplinkTopic, parse_uplink
from gateway.content_digest import digest_of

MAX_PAYLOAD_BYTES = 256 * 1024
MAX_BATCH = 5000
MAX_BATCH_HEAD_BYTES = 4096
_TOPICS_REMEMBERED = 50_000
_LONGEST_REMEMBERED = 512
"""A topic may have 65,535 bytes."""


class RefusedMessage(NamedTuple):
    """A message that becomes a dead letter."""

    reason: str
    detail: str
    uplink: UplinkTopic | None = None
    payload: bytes | None = None
    """Of a bad item of a batch: the item as a message of its own."""


class DecodedSample(NamedTuple):
    """One sample as decoded; `ts_us` None where the device has no clock."""

    series: str
    part: str
    ts_us: int | None
    seq: int
    values: Mapping[str, Value]
    suspect: tuple[str, ...]
    digest: int
    """Of all that it was received with but its head, whether or not it is stored."""


class DecodedMessage(NamedTuple):
    """A valid message: `readings` of telemetry and events, `model` of others; `refused` are bad items of a batch."""

    uplink: UplinkTopic
    kind: DeviceKind
    boot_id: str | None
    seqs: tuple[int, ...]
    model: WireModel | None
    readings: tuple[DecodedSample, ...]
    unknown_fields: int = 0
    refused: tuple[tuple[int, RefusedMessage], ...] = ()


class PlainTelemetry(NamedTuple):
    """How most telemetry of a kind is read: JSON straight to the values that it holds, without a model's object.

    Accepts what the kind's model accepts, and no more; what has anything unusual about it goes by the model.
    """

    read: Callable[[bytes], dict[str, Any]]
    names: frozenset[str]
    """Of the fields that are stored as they are."""
    ranges: tuple[tuple[str, float, float], ...]
    ahead_us: float
    oldest_us: int


class _Route(NamedTuple):
    """What follows from a topic."""

    where: UplinkTopic
    kind: DeviceKind
    plain: PlainTelemetry | None


class MessageDecoder:
    """Knows the kinds; remembers topics it has parsed."""

    def __init__(self, catalog: KindCatalog, root: str = ROOT) -> None:
        self._root = root
        self._kinds = dict(catalog)
        self._topics: dict[bytes, _Route | RefusedMessage] = {}
        self._plain = {name: plain_telemetry(kind) for name, kind in catalog.items()}
        self._read: dict[type[Envelope], Callable[[bytes], Envelope]] = {
            kind.telemetry: TypeAdapter(kind.telemetry).validator.validate_json for kind in catalog.values()
        }
        self._plausible = {
            model: _plausible_ranges(model)
            for kind in catalog.values()
            for model in (kind.telemetry, *kind.events.values())
        }

    def decode(self, message: RawMessage) -> DecodedMessage | RefusedMessage:
        """Decode one message."""
        route = self._topics.get(message.topic) or self._route(message.topic)
        if isinstance(route, RefusedMessage):
            return route
        where, kind, plain = route
        if plain is not None and (heard := _plainly_heard(where, kind, plain, message)) is not None:
            return heard
        return _unfit(where, kind, message.payload) or self._closely_heard(where, kind, message)

    def _closely_heard(
        self, where: UplinkTopic, kind: DeviceKind, message: RawMessage
    ) -> DecodedMessage | RefusedMessage:
        try:
            return self._heard(where, kind, message)
        except ValidationError as error:
            return _refusal(error, message.payload, where)
        except UnicodeDecodeError:
            return RefusedMessage("bad_encoding", "not UTF-8", where)
        except (ValueError, RecursionError, TypeError) as error:
            return RefusedMessage("bad_json", str(error)[:300], where)

    def _route(self, topic: bytes) -> _Route | RefusedMessage:
        where = self._parse(topic)
        route: _Route | RefusedMessage
        if isinstance(where, RefusedMessage):
            route = where
        else:
            plain = self._plain[where.kind] if where.channel == TELEMETRY else None
            route = _Route(where, self._kinds[where.kind], plain)
        if len(topic) > _LONGEST_REMEMBERED:
            return route
        if len(self._topics) >= _TOPICS_REMEMBERED:
            self._topics.clear()
        self._topics[topic] = route
        return route

    def _parse(self, topic: bytes) -> UplinkTopic | RefusedMessage:
        try:
            uplink = parse_uplink(topic.decode(), self._root)
        except UnicodeDecodeError:
            return RefusedMessage("bad_topic", "not UTF-8")
        if uplink is None:
            return RefusedMessage("bad_topic", f"expected {self._root}/tenant/kind/device_id/channel")
        kind = self._kinds.get(uplink.kind)
        if kind is None:
            return RefusedMessage("unknown_kind", uplink.kind, uplink)
        if uplink.name and uplink.name not in kind.events:
            return RefusedMessage("unknown_event", uplink.name, uplink)
        return uplink

    def _heard(self, where: UplinkTopic, kind: DeviceKind, message: RawMessage) -> DecodedMessage | RefusedMessage:
        payload = message.payload
        if where.channel == "telemetry":
            document = json.loads(payload) if b'"batch"' in payload else None
            if isinstance(document, dict) and "batch" in document:
                return self._batch(where, kind, message, document)
            return self._sampled(where, kind, self._read[kind.telemetry](payload), TELEMETRY, message)
        if where.channel == "event":
            event = kind.events[where.name].model_validate_json(payload)
            return self._sampled(where, kind, event, f"event_{where.name}", message)
        if where.channel == "status":
            status = StatusMessage.model_validate_json(payload)
            return DecodedMessage(where, kind, status.boot_id, (), status, (), _extra(status))
        other = _model_of(kind, where.channel).model_validate_json(payload)
        wrong = _check(where, kind, other, None if other.ts is None else to_us(other.ts), message)
        return wrong or DecodedMessage(where, kind, other.boot_id, (other.seq,), other, (), _extra(other))

    def _sampled(
        self, where: UplinkTopic, kind: DeviceKind, model: Envelope, series: str, message: RawMessage
    ) -> DecodedMessage | RefusedMessage:
        reading = self._reading(where, kind, model, series, message, not_stored=model.__pydantic_extra__)
        if isinstance(reading, RefusedMessage):
            return reading
        return DecodedMessage(where, kind, model.boot_id, (model.seq,), None, (reading,), _extra(model))

    def _reading(
        self,
        where: UplinkTopic,
        kind: DeviceKind,
        model: Envelope,
        series: str,
        message: RawMessage,
        *,
        not_stored: Mapping[str, object] | None,
    ) -> DecodedSample | RefusedMessage:
        ts_us = None if model.ts is None else to_us(model.ts)
        wrong = _check(where, kind, model, ts_us, message)
        if wrong is not None:
            return wrong
        exact = model.values()
        suspect = _suspect(exact, self._plausible[type(model)])
        values = rounded_values(kind, exact)
        part = model.part if isinstance(model, TelemetryMessage) else ""
        return DecodedSample(series, part, ts_us, model.seq, values, suspect, digest_of(values, not_stored))

    def _batch(
        self, where: UplinkTopic, kind: DeviceKind, message: RawMessage, document: dict[str, Any]
    ) -> DecodedMessage | RefusedMessage:
        items = document["batch"]
        if not isinstance(items, list) or not 0 < len(items) <= MAX_BATCH:
            return RefusedMessage("wrong_type", f"batch: a list of 1 to {MAX_BATCH} samples", where)
        head = {k: v for k, v in document.items() if k != "batch"}
        if len(json.dumps(head)) > MAX_BATCH_HEAD_BYTES:
            # It is decoded once per item: a large one would keep all others waiting.
            return RefusedMessage("too_large", f"batch: at most {MAX_BATCH_HEAD_BYTES} bytes beside it", where)
        good: list[tuple[Envelope, DecodedSample]] = []
        bad: list[tuple[int, RefusedMessage]] = []
        for index, item in enumerate(items):
            names = item if isinstance(item, dict) else {}
            one = self._batch_item(where, kind, {**head, **names} if names else item, message, names)
            if isinstance(one, RefusedMessage):
                bad.append((index, one))
            else:
                good.append(one)
        if not good:
            return bad[0][1]
        models = [model for model, _ in good]
        if len({model.boot_id for model in models}) > 1:
            return RefusedMessage("wrong_type", "batch: all samples must have one boot_id", where)
        return DecodedMessage(
            where,
            kind,
            models[0].boot_id,
            tuple(dict.fromkeys(model.seq for model in models)),
            None,
            tuple(reading for _, reading in good),
            sum(map(_extra, models)),
            tuple(bad),
        )

    def _batch_item(
        self, where: UplinkTopic, kind: DeviceKind, item: object, message: RawMessage, names: Collection[str]
    ) -> tuple[Envelope, DecodedSample] | RefusedMessage:
        payload = json.dumps(item).encode()
        try:
            model = self._read[kind.telemetry](payload)
        except ValidationError as error:
            return _refusal(error, payload, where)._replace(payload=payload)
        # What stands beside the batch is no part of an item: a sample sent again in one is the same sample.
        own = {name: value for name, value in (model.__pydantic_extra__ or {}).items() if name in names}
        reading = self._reading(where, kind, model, TELEMETRY, message, not_stored=own)
        return reading._replace(payload=payload) if isinstance(reading, RefusedMessage) else (model, reading)


def plain_telemetry(kind: DeviceKind) -> PlainTelemetry | None:
    """How to read a kind's telemetry plainly; None where its model or its privacy asks for more than fields."""
    model = kind.telemetry
    decorators = model.__pydantic_decorators__
    if kind.names_nobody or decorators.model_validators or decorators.field_validators or decorators.root_validators:
        return None
    fields: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if field.alias is not None or field.validation_alias is not None:
            return None
        declared: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
        fields[name] = declared if field.is_required() else NotRequired[declared]
    # Made at run time, of the model's fields: a type checker knows only those that are written.
    values = TypedDict("Values", fields)  # type: ignore[misc]
    values.__pydantic_config__ = model.model_config  # type: ignore[attr-defined]
    return PlainTelemetry(
        TypeAdapter(values).validator.validate_json,
        model.plain_fields() - kind.counts_people,
        _plausible_ranges(model),
        kind.limits.clock_ahead_s * SECOND_US,
        kind.limits.raw_retention_days * DAY_US,
    )


def _plainly_heard(
    where: UplinkTopic, kind: DeviceKind, plain: PlainTelemetry, message: RawMessage
) -> DecodedMessage | None:
    """One sample of declared fields, with a clock that is right; None: look at it more closely."""
    payload = message.payload
    if message.retained or len(payload) > MAX_PAYLOAD_BYTES:
        return None
    try:
        values = plain.read(payload)
    except (ValueError, RecursionError, TypeError):
        return None
    del values["v"]
    ts = values.pop("ts", None)
    if ts is None or values.pop("device_id") != where.device_id:
        return None
    ts_us = (ts - EPOCH) // MICROSECOND
    boot_id, seq, part = values.pop("boot_id"), values.pop("seq"), values.pop("part", "")
    if not (
        -plain.oldest_us <= ts_us - message.received_us <= plain.ahead_us
        and values.keys() <= plain.names
        and None not in values.values()
    ):
        return None
    reading = DecodedSample(TELEMETRY, part, ts_us, seq, values, _suspect(values, plain.ranges), digest_of(values))
    return DecodedMessage(where, kind, boot_id, (seq,), None, (reading,))


def _suspect(values: Mapping[str, Any], ranges: tuple[tuple[str, float, float], ...]) -> tuple[str, ...]:
    get = values.get
    found: tuple[str, ...] = ()
    for name, low, high in ranges:
        value = get(name)
        if value is not None and not low <= value <= high:
            found = (*found, name)
    return found


def _unfit(where: UplinkTopic, kind: DeviceKind, payload: bytes) -> RefusedMessage | None:
    """Refuse what is not even to be looked into."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return RefusedMessage("too_large", f"{len(payload)} bytes, at most {MAX_PAYLOAD_BYTES}", where)
    named = named_in(payload) if kind.names_nobody else None
    if named is not None:
        return RefusedMessage(REASON, f"{named}: would name somebody's device; nothing of the message is kept", where)
    return None


def _check(
    where: UplinkTopic, kind: DeviceKind, model: Envelope, ts_us: int | None, message: RawMessage
) -> RefusedMessage | None:
    if model.device_id != where.device_id:
        return RefusedMessage("wrong_device", f"payload names {model.device_id}", where)
    if ts_us is None or message.retained:
        return None
    ahead_us, limits = ts_us - message.received_us, kind.limits
    if ahead_us > limits.clock_ahead_s * SECOND_US:
        return RefusedMessage("clock_ahead", f"ts is {ahead_us / SECOND_US:.0f} s ahead of receipt", where)
    if -ahead_us > limits.raw_retention_days * DAY_US:
        detail = f"ts is {-ahead_us / DAY_US:.0f} days old, kept are {limits.raw_retention_days}"
        return RefusedMessage("too_old", detail, where)
    return None


def _model_of(kind: DeviceKind, channel: str) -> type[Envelope]:
    models: dict[str, type[Envelope]] = {"state": kind.state, "info": kind.info, "ack": AckMessage}
    return models[channel]


def _extra(model: BaseModel) -> int:
    return len(model.__pydantic_extra__ or ())


def _plausible_ranges(model: type[BaseModel]) -> tuple[tuple[str, float, float], ...]:
    return tuple(
        (name, mark.low, mark.high)
        for name, field in model.model_fields.items()
        for mark in (*field.metadata, *_inner_metadata(field.annotation))
        if isinstance(mark, PlausibleRange)
    )


def _inner_metadata(annotation: object) -> tuple[object, ...]:
    if get_origin(annotation) is Annotated:
        return tuple(get_args(annotation)[1:])
    return tuple(mark for part in get_args(annotation) for mark in _inner_metadata(part))


_REASONS = {
    "missing": "missing_field",
    "json_invalid": "bad_json",
    "finite_number": "not_finite",
    "string_unicode": "bad_encoding",
}
_RANGE = ("greater_than", "less_than", "too_long", "too_short", "string_pattern", "too_big", "int_parsing_size")


def _refusal(error: ValidationError, payload: bytes, where: UplinkTopic) -> RefusedMessage:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    location, kind = ".".join(map(str, first["loc"])), first["type"]
    detail = f"{location}: {first['msg']}" if location else first["msg"]
    if location == "v" and kind != "missing":
        return RefusedMessage("unknown_version", detail, where)
    if kind == "json_invalid" and not _is_utf8(payload):
        return RefusedMessage("bad_encoding", "not UTF-8", where)
    if any(mark in kind for mark in _RANGE):
        return RefusedMessage("out_of_range", detail[:300], where)
    return RefusedMessage(_REASONS.get(kind, "wrong_type"), detail[:300], where)


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
