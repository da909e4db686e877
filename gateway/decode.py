"""Topic and bytes to values, or to a refusal with its reason. Pure; raises nothing, whatever comes in."""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from devices.catalog import Catalog
from devices.fields import Plausible
from devices.instants import DAY_US, SECOND_US, to_us
from devices.kind import DeviceKind
from devices.messages import Ack, Envelope, Status, Telemetry, WireModel
from devices.privacy.nameless import REASON, named_in
from devices.privacy.small_counts import rounded_values
from devices.samples import TELEMETRY, RawMessage, Value
from devices.topics import ROOT, Uplink, parse_uplink
from gateway.content_digest import digest_of

MAX_PAYLOAD_BYTES = 256 * 1024
MAX_BATCH = 5000
MAX_BATCH_HEAD_BYTES = 4096
_TOPICS_REMEMBERED = 50_000
_LONGEST_REMEMBERED = 512
"""A topic may have 65,535 bytes."""


class Refused(NamedTuple):
    """A message that becomes a dead letter."""

    reason: str
    detail: str
    uplink: Uplink | None = None
    payload: bytes | None = None
    """Of a bad item of a batch: the item as a message of its own."""


class Reading(NamedTuple):
    """One sample as decoded; `ts_us` None where the device has no clock."""

    series: str
    part: str
    ts_us: int | None
    seq: int
    values: Mapping[str, Value]
    suspect: tuple[str, ...]
    digest: int
    """Of all that it was received with but its head, whether or not it is stored."""


class Heard(NamedTuple):
    """A valid message: `readings` of telemetry and events, `model` of others; `refused` are bad items of a batch."""

    uplink: Uplink
    kind: DeviceKind
    boot_id: str | None
    seqs: tuple[int, ...]
    model: WireModel | None
    readings: tuple[Reading, ...]
    unknown_fields: int = 0
    refused: tuple[tuple[int, Refused], ...] = ()


class Decoder:
    """Knows the kinds; remembers topics it has parsed."""

    def __init__(self, catalog: Catalog, root: str = ROOT) -> None:
        self._root = root
        self._kinds = dict(catalog)
        self._topics: dict[bytes, Uplink | Refused] = {}
        self._read: dict[type[Envelope], Callable[[bytes], Envelope]] = {
            kind.telemetry: TypeAdapter(kind.telemetry).validator.validate_json for kind in catalog.values()
        }
        self._plausible = {
            model: _plausible_ranges(model)
            for kind in catalog.values()
            for model in (kind.telemetry, *kind.events.values())
        }

    def decode(self, message: RawMessage) -> Heard | Refused:
        """Decode one message."""
        where = self._topics.get(message.topic) or self._where(message.topic)
        if isinstance(where, Refused):
            return where
        kind = self._kinds[where.kind]
        unfit = _unfit(where, kind, message.payload)
        if unfit is not None:
            return unfit
        try:
            return self._heard(where, kind, message)
        except ValidationError as error:
            return _refusal(error, message.payload, where)
        except UnicodeDecodeError:
            return Refused("bad_encoding", "not UTF-8", where)
        except (ValueError, RecursionError, TypeError) as error:
            return Refused("bad_json", str(error)[:300], where)

    def _where(self, topic: bytes) -> Uplink | Refused:
        where = self._parse(topic)
        if len(topic) > _LONGEST_REMEMBERED:
            return where
        if len(self._topics) >= _TOPICS_REMEMBERED:
            self._topics.clear()
        self._topics[topic] = where
        return where

    def _parse(self, topic: bytes) -> Uplink | Refused:
        try:
            uplink = parse_uplink(topic.decode(), self._root)
        except UnicodeDecodeError:
            return Refused("bad_topic", "not UTF-8")
        if uplink is None:
            return Refused("bad_topic", f"expected {self._root}/tenant/kind/device_id/channel")
        kind = self._kinds.get(uplink.kind)
        if kind is None:
            return Refused("unknown_kind", uplink.kind, uplink)
        if uplink.name and uplink.name not in kind.events:
            return Refused("unknown_event", uplink.name, uplink)
        return uplink

    def _heard(self, where: Uplink, kind: DeviceKind, message: RawMessage) -> Heard | Refused:
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
            status = Status.model_validate_json(payload)
            return Heard(where, kind, status.boot_id, (), status, (), _extra(status))
        other = _model_of(kind, where.channel).model_validate_json(payload)
        wrong = _check(where, kind, other, None if other.ts is None else to_us(other.ts), message)
        return wrong or Heard(where, kind, other.boot_id, (other.seq,), other, (), _extra(other))

    def _sampled(
        self, where: Uplink, kind: DeviceKind, model: Envelope, series: str, message: RawMessage
    ) -> Heard | Refused:
        reading = self._reading(where, kind, model, series, message, not_stored=model.__pydantic_extra__)
        if isinstance(reading, Refused):
            return reading
        return Heard(where, kind, model.boot_id, (model.seq,), None, (reading,), _extra(model))

    def _reading(
        self,
        where: Uplink,
        kind: DeviceKind,
        model: Envelope,
        series: str,
        message: RawMessage,
        *,
        not_stored: Mapping[str, object] | None,
    ) -> Reading | Refused:
        ts_us = None if model.ts is None else to_us(model.ts)
        wrong = _check(where, kind, model, ts_us, message)
        if wrong is not None:
            return wrong
        exact = model.values()
        suspect = _suspect(exact, self._plausible[type(model)])
        values = rounded_values(kind, exact)
        part = model.part if isinstance(model, Telemetry) else ""
        return Reading(series, part, ts_us, model.seq, values, suspect, digest_of(values, not_stored))

    def _batch(self, where: Uplink, kind: DeviceKind, message: RawMessage, document: dict[str, Any]) -> Heard | Refused:
        items = document["batch"]
        if not isinstance(items, list) or not 0 < len(items) <= MAX_BATCH:
            return Refused("wrong_type", f"batch: a list of 1 to {MAX_BATCH} samples", where)
        head = {k: v for k, v in document.items() if k != "batch"}
        if len(json.dumps(head)) > MAX_BATCH_HEAD_BYTES:
            # It is decoded once per item: a large one would keep all others waiting.
            return Refused("too_large", f"batch: at most {MAX_BATCH_HEAD_BYTES} bytes beside it", where)
        good: list[tuple[Envelope, Reading]] = []
        bad: list[tuple[int, Refused]] = []
        for index, item in enumerate(items):
            names = item if isinstance(item, dict) else {}
            one = self._batch_item(where, kind, {**head, **names} if names else item, message, names)
            if isinstance(one, Refused):
                bad.append((index, one))
            else:
                good.append(one)
        if not good:
            return bad[0][1]
        models = [model for model, _ in good]
        if len({model.boot_id for model in models}) > 1:
            return Refused("wrong_type", "batch: all samples must have one boot_id", where)
        return Heard(
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
        self, where: Uplink, kind: DeviceKind, item: object, message: RawMessage, names: Collection[str]
    ) -> tuple[Envelope, Reading] | Refused:
        payload = json.dumps(item).encode()
        try:
            model = self._read[kind.telemetry](payload)
        except ValidationError as error:
            return _refusal(error, payload, where)._replace(payload=payload)
        # What stands beside the batch is no part of an item: a sample sent again in one is the same sample.
        own = {name: value for name, value in (model.__pydantic_extra__ or {}).items() if name in names}
        reading = self._reading(where, kind, model, TELEMETRY, message, not_stored=own)
        return reading._replace(payload=payload) if isinstance(reading, Refused) else (model, reading)


def _suspect(values: Mapping[str, Any], ranges: tuple[tuple[str, float, float], ...]) -> tuple[str, ...]:
    get = values.get
    found: tuple[str, ...] = ()
    for name, low, high in ranges:
        value = get(name)
        if value is not None and not low <= value <= high:
            found = (*found, name)
    return found


def _unfit(where: Uplink, kind: DeviceKind, payload: bytes) -> Refused | None:
    """Refuse what is not even to be looked into."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return Refused("too_large", f"{len(payload)} bytes, at most {MAX_PAYLOAD_BYTES}", where)
    named = named_in(payload) if kind.names_nobody else None
    if named is not None:
        return Refused(REASON, f"{named}: would name somebody's device; nothing of the message is kept", where)
    return None


def _check(where: Uplink, kind: DeviceKind, model: Envelope, ts_us: int | None, message: RawMessage) -> Refused | None:
    if model.device_id != where.device_id:
        return Refused("wrong_device", f"payload names {model.device_id}", where)
    if ts_us is None or message.retained:
        return None
    ahead_us, limits = ts_us - message.received_us, kind.limits
    if ahead_us > limits.clock_ahead_s * SECOND_US:
        return Refused("clock_ahead", f"ts is {ahead_us / SECOND_US:.0f} s ahead of receipt", where)
    if -ahead_us > limits.raw_retention_days * DAY_US:
        detail = f"ts is {-ahead_us / DAY_US:.0f} days old, kept are {limits.raw_retention_days}"
        return Refused("too_old", detail, where)
    return None


def _model_of(kind: DeviceKind, channel: str) -> type[Envelope]:
    models: dict[str, type[Envelope]] = {"state": kind.state, "info": kind.info, "ack": Ack}
    return models[channel]


def _extra(model: BaseModel) -> int:
    return len(model.__pydantic_extra__ or ())


def _plausible_ranges(model: type[BaseModel]) -> tuple[tuple[str, float, float], ...]:
    return tuple(
        (name, mark.low, mark.high)
        for name, field in model.model_fields.items()
        for mark in (*field.metadata, *_inner_metadata(field.annotation))
        if isinstance(mark, Plausible)
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


def _refusal(error: ValidationError, payload: bytes, where: Uplink) -> Refused:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    location, kind = ".".join(map(str, first["loc"])), first["type"]
    detail = f"{location}: {first['msg']}" if location else first["msg"]
    if location == "v" and kind != "missing":
        return Refused("unknown_version", detail, where)
    if kind == "json_invalid" and not _is_utf8(payload):
        return Refused("bad_encoding", "not UTF-8", where)
    if any(mark in kind for mark in _RANGE):
        return Refused("out_of_range", detail[:300], where)
    return Refused(_REASONS.get(kind, "wrong_type"), detail[:300], where)


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
