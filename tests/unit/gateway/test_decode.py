"""Every kind of bad message has its reason; nothing raises."""

import json
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from devices.fields import PlausibleRange
from devices.kind import DeviceKind
from devices.kind_catalog import KindCatalog
from devices.messages import EventMessage, StateMessage, TelemetryMessage
from devices.samples import RawMessage
from devices.time_us import DAY_US, SECOND_US, rfc3339
from gateway.decode import DecodedMessage, MessageDecoder, RefusedMessage

NOW_US = 1_790_000_000_000_000


class LampTelemetry(TelemetryMessage):
    level_pct: Annotated[float, Field(ge=0, le=100)] | None = None
    voltage_v: Annotated[float, Field(ge=0, le=1000), PlausibleRange(160, 280)] | None = None
    on: bool | None = None


KIND = DeviceKind(
    name="lamp", title="Lamp", telemetry=LampTelemetry, state=StateMessage, events={"fault": EventMessage}
)
CATALOG = KindCatalog({"lamp": KIND})
DECODER = MessageDecoder(CATALOG)
TOPIC = b"city/v1/kl/lamp/l1/telemetry"


def sample(**changes: Any) -> dict[str, Any]:
    return {"v": 1, "device_id": "l1", "ts": rfc3339(NOW_US), "boot_id": "b1", "seq": 7, "level_pct": 40, **changes}


def decode(payload: Any, topic: bytes = TOPIC, *, retained: bool = False) -> DecodedMessage | RefusedMessage:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return DECODER.decode(RawMessage(topic, data, 1, retained, duplicate=False, received_us=NOW_US))


def heard(payload: Any, topic: bytes = TOPIC) -> DecodedMessage:
    result = decode(payload, topic)
    assert isinstance(result, DecodedMessage), result
    return result


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "bad_json"),
        (b"{", "bad_json"),
        (b"\xff\xfe{}", "bad_encoding"),
        (b"[]", "wrong_type"),
        (b"[" * 100_000, "bad_json"),
        (b'{"batch":' + b"[" * 100_000, "bad_json"),
        (b"x" * 300_000, "too_large"),
        (json.dumps(sample()).replace("40", "NaN").encode(), "not_finite"),
        (json.dumps(sample()).replace("40", "1e999").encode(), "not_finite"),
        (sample(level_pct=101), "out_of_range"),
        (sample(level_pct="40"), "wrong_type"),
        (sample(on=1), "wrong_type"),
        (sample(v=2), "unknown_version"),
        (sample(v="1"), "unknown_version"),
        (sample(device_id="l2"), "wrong_device"),
        (sample(ts="yesterday"), "wrong_type"),
        (sample(ts="2026-01-01T00:00:00"), "wrong_type"),
        (sample(ts=rfc3339(NOW_US + 11 * 60 * SECOND_US)), "clock_ahead"),
        (sample(ts=rfc3339(NOW_US - 500 * DAY_US)), "too_old"),
        (sample(seq=-1), "out_of_range"),
        ({k: v for k, v in sample().items() if k != "seq"}, "missing_field"),
        ({k: v for k, v in sample().items() if k != "v"}, "missing_field"),
        ({"batch": []}, "wrong_type"),
        ({"batch": [1]}, "wrong_type"),
    ],
)
def test_bad_payloads_are_refused_with_their_reason(payload: Any, reason: str) -> None:
    result = decode(payload)
    assert isinstance(result, RefusedMessage)
    assert result.reason == reason


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        (b"\xff", "bad_topic"),
        (b"city/v1/kl/lamp/l1", "bad_topic"),
        (b"city/v1/kl/lamp/l 1/telemetry", "bad_topic"),
        (b"city/v2/kl/lamp/l1/telemetry", "bad_topic"),
        (b"city/v1/kl/toaster/l1/telemetry", "unknown_kind"),
        (b"city/v1/kl/lamp/l1/event/melted", "unknown_event"),
    ],
)
def test_bad_topics_are_refused_with_their_reason(topic: bytes, reason: str) -> None:
    result = decode(sample(), topic)
    assert isinstance(result, RefusedMessage)
    assert result.reason == reason


def test_absent_is_absent_and_unknown_fields_are_counted() -> None:
    result = heard(sample(colour="red", on=None))
    assert result.readings[0].values == {"level_pct": 40.0}
    assert result.unknown_fields == 1


def test_implausible_but_possible_is_accepted_as_suspect() -> None:
    assert heard(sample(voltage_v=400.0)).readings[0].suspect == ("voltage_v",)
    assert heard(sample(voltage_v=230.0)).readings[0].suspect == ()


def test_a_device_without_clock_omits_the_time() -> None:
    without = {k: v for k, v in sample().items() if k != "ts"}
    assert heard(without).readings[0].ts_us is None


def test_one_bad_item_of_a_batch_affects_only_itself() -> None:
    items = [{"ts": rfc3339(NOW_US - n * SECOND_US), "seq": n, "level_pct": 200 if n == 1 else n} for n in range(3)]
    result = heard({"v": 1, "device_id": "l1", "boot_id": "b1", "batch": items})
    assert [r.values["level_pct"] for r in result.readings] == [0, 2]
    assert [(index, refused.reason) for index, refused in result.refused] == [(1, "out_of_range")]
    assert result.seqs == (0, 2)


def test_a_part_may_be_named_batch() -> None:
    assert [reading.part for reading in heard(sample(part="batch")).readings] == ["batch"]


@pytest.mark.parametrize("part", ["rear", 7, [], {}, "a\nb,c=d\\"])
def test_an_event_is_of_no_part_whatever_it_calls_so(part: object) -> None:
    (reading,) = heard(sample(part=part), b"city/v1/kl/lamp/l1/event/fault").readings
    assert reading.part == ""


def test_long_topics_are_refused_and_not_remembered() -> None:
    decoder = MessageDecoder(CATALOG)
    for number in range(100):
        topic = b"city/v1/kl/lamp/" + b"x" * 60_000 + b"%d/telemetry" % number
        answer = decoder.decode(RawMessage(topic, b"{}", 1, retained=False, duplicate=False, received_us=NOW_US))
        assert isinstance(answer, RefusedMessage)
        assert answer.reason == "bad_topic"
    assert sum(map(len, decoder._topics)) < 10_000


def test_the_same_content_has_the_same_digest_however_it_is_written() -> None:
    one = heard(b'{"v":1,"device_id":"l1","boot_id":"b","seq":1,"level_pct":40,"on":true}')
    two = heard(b'{"on": true, "level_pct": 40.0, "seq": 9, "v":1,"device_id":"l1","boot_id":"b"}')
    assert one.readings[0].digest == two.readings[0].digest


@given(st.binary(max_size=200), st.sampled_from([TOPIC, b"city/v1/kl/lamp/l1/status", b"city/v1/kl/lamp/l1/ack"]))
def test_random_bytes_never_raise(payload: bytes, topic: bytes) -> None:
    assert isinstance(decode(payload, topic), DecodedMessage | RefusedMessage)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from([*sample(), "batch", "voltage_v", "part"]), _JSON))
def test_random_documents_never_raise(document: dict[str, Any]) -> None:
    assert isinstance(decode({**sample(), **document}), DecodedMessage | RefusedMessage)
