"""What holds of every message, whatever its topic and bytes."""

import math
from collections.abc import Iterable
from typing import Any, Final

from devices.messages import WireModel
from devices.samples import RawMessage, Value
from devices.time_us import DAY_US, SECOND_US
from gateway.decode import MAX_BATCH, DecodedMessage, DecodedSample, MessageDecoder, RefusedMessage
from gateway.verdicts import MessageOutcome, MessageVerdict, dump_verdicts, load_verdicts
from storage.telemetry.schema import StoreSchema
from tests.fuzz.hostile import CATALOG, NOW_US

REASONS: Final = frozenset({
    "bad_topic", "unknown_kind", "unknown_event", "too_large", "bad_encoding", "bad_json", "wrong_type",
    "missing_field", "not_finite", "out_of_range", "unknown_version", "wrong_device", "clock_ahead", "too_old",
    "personal_data",
})  # fmt: skip
"""Why a decoder refuses; with `gateway.deduplication`'s those of `application.ports.dead_letters.DeadLetter`."""
LONGEST_DETAIL: Final = 400
_SCHEMA: Final = StoreSchema(CATALOG)


def message(topic: bytes, payload: bytes, *, retained: bool = False) -> RawMessage:
    """A message received at NOW_US."""
    return RawMessage(topic, payload, 1, retained, duplicate=False, received_us=NOW_US)


def examine(decoder: MessageDecoder, raw: RawMessage) -> DecodedMessage | RefusedMessage:
    """Decode; raises AssertionError where the answer is none that all that follows can live with."""
    answer = decoder.decode(raw)
    if isinstance(answer, RefusedMessage):
        _refused(answer)
        return answer
    assert isinstance(answer, DecodedMessage)
    assert 0 < len(answer.readings) + len(answer.refused) <= MAX_BATCH or answer.model is not None
    where = answer.uplink
    assert raw.topic.decode().split("/")[2:5] == [where.tenant_id, where.kind, where.device_id]
    assert all(0 <= seq < 2**63 for seq in answer.seqs)
    for reading in answer.readings:
        _reading(answer, reading, raw)
    for _, refused in answer.refused:
        _refused(refused)
    if answer.model is not None:
        _model(answer.model)
    return answer


def _refused(refused: RefusedMessage) -> None:
    assert refused.reason in REASONS, refused.reason
    assert len(refused.detail) <= LONGEST_DETAIL
    assert refused.detail.encode()
    verdict = MessageVerdict(MessageOutcome.DEAD_LETTER, "", refused.reason, refused.detail)
    assert load_verdicts(dump_verdicts([verdict])) == [verdict]


def _reading(heard: DecodedMessage, reading: DecodedSample, raw: RawMessage) -> None:
    declared = _SCHEMA.declared(heard.kind.name, reading.series)
    unknown = {name for name in reading.values if name not in declared and not name.endswith("_high")}
    assert unknown <= {"boot_id"}, "only what the kind names"
    assert set(reading.suspect) <= reading.values.keys()
    _storable(reading.values.values())
    if reading.ts_us is not None and not raw.retained:
        limits = heard.kind.limits
        ahead_us = reading.ts_us - raw.received_us
        assert -limits.raw_retention_days * DAY_US <= ahead_us <= limits.clock_ahead_s * SECOND_US


def _model(model: WireModel) -> None:
    """Of what the model declares; it also holds what is unknown, which is for counting only."""
    _storable(_leaves([getattr(model, name) for name in type(model).model_fields]))


def _leaves(value: Any) -> Iterable[Value]:
    if isinstance(value, WireModel):
        value = [getattr(value, name) for name in type(value).model_fields]
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, float | int | str):
        yield value


def _storable(values: Iterable[Value]) -> None:
    for value in values:
        if isinstance(value, str):
            assert "\0" not in value
            assert value.encode() is not None
        elif isinstance(value, float):
            assert math.isfinite(value)
        else:
            assert -(2**63) <= value < 2**64, "no database has larger integers"
