"""Heads, numbers and batches."""

import json

from hypothesis import given
from hypothesis import strategies as st

from devices.messages import StatusMessage, StatusState
from devices.topics import UplinkTopic, parse_uplink
from simulators.backlog import DeviceBacklog
from simulators.device import OutgoingReport
from simulators.envelope_sender import BATCH_SAMPLES, EnvelopeSender, WireMessage, join_batches


def sender() -> EnvelopeSender:
    return EnvelopeSender(device_id="L01", kind="streetlight", tenant_id="kl", boot_id="b1")


def telemetry(number: int, size: int = 10) -> list[WireMessage]:
    one = sender()
    return [one.wire(OutgoingReport("telemetry", {"x": "y" * size}, 1_790_000_000_000_000 + n)) for n in range(number)]


def test_numbers_rise_within_a_boot_and_start_again_with_the_next() -> None:
    one = sender()
    first = [json.loads(one.wire(OutgoingReport("state", {}, 0)).payload)["seq"] for _ in range(3)]
    one.reboot("b2")
    after = json.loads(one.wire(OutgoingReport("state", {}, 0)).payload)
    assert (first, after["seq"], after["boot_id"]) == ([0, 1, 2], 0, "b2")


def test_topics_are_of_the_grammar() -> None:
    wire = sender().wire(OutgoingReport("event", {}, 0, name="button_pressed"))
    assert parse_uplink(wire.topic) == UplinkTopic("kl", "streetlight", "L01", "event", "button_pressed")
    assert parse_uplink(sender().status(StatusState.OFFLINE).topic) == UplinkTopic("kl", "streetlight", "L01", "status")


def test_a_device_without_a_clock_leaves_the_time_out() -> None:
    assert "ts" not in json.loads(sender().wire(OutgoingReport("telemetry", {}, None)).payload)


def test_the_last_will_carries_no_number() -> None:
    assert StatusMessage.model_validate_json(sender().status(StatusState.OFFLINE).payload).state is StatusState.OFFLINE


@given(number=st.integers(0, 60), size=st.integers(0, 300), limit=st.integers(500, 5000))
def test_batches_hold_every_sample_once_within_the_limit(number: int, size: int, limit: int) -> None:
    joined = list(join_batches(telemetry(number, size), limit))
    assert [i.seq for w in joined for i in w.identities] == list(range(number))
    for wire in joined:
        assert len(wire.payload) <= limit
        samples = json.loads(wire.payload).get("batch", [json.loads(wire.payload)])
        assert [s["seq"] for s in samples] == [i.seq for i in wire.identities]


def test_batches_are_bounded_in_samples_and_never_mix_boots() -> None:
    assert [len(w.identities) for w in join_batches(telemetry(BATCH_SAMPLES + 1, 0))] == [BATCH_SAMPLES, 1]
    one = sender()
    before = one.wire(OutgoingReport("telemetry", {}, 0))
    one.reboot("b2")
    assert len(list(join_batches([before, one.wire(OutgoingReport("telemetry", {}, 1))]))) == 2


def test_a_backlog_comes_back_as_batches_with_the_newest_state_only() -> None:
    backlog, one = DeviceBacklog(), sender()
    for n in range(3):
        backlog.put(one.wire(OutgoingReport("telemetry", {"n": n}, n)))
        backlog.put(one.wire(OutgoingReport("state", {"n": n}, n, retained=True)))
        backlog.put(one.wire(OutgoingReport("event", {"n": n}, n, name="e")))
    out = backlog.drain()
    assert [(w.channel, len(w.identities)) for w in out] == [("state", 1)] + [("event", 1)] * 3 + [("telemetry", 3)]
    assert json.loads(out[0].payload)["n"] == 2
    assert backlog.drain() == []


def test_a_full_backlog_drops_the_oldest_and_counts_them() -> None:
    backlog = DeviceBacklog(kept=5)
    for wire in telemetry(8):
        backlog.put(wire)
    assert backlog.dropped == 3
    assert [i.seq for i in backlog.drain()[0].identities] == [3, 4, 5, 6, 7]


def test_spoilt_messages_never_spoil_a_batch() -> None:
    backlog = DeviceBacklog()
    good, bad = telemetry(2), WireMessage("L01", "t", b"{", "telemetry", faults=("garbage",))
    for wire in (good[0], bad, good[1]):
        backlog.put(wire)
    assert [len(w.identities) for w in backlog.drain()] == [0, 2]
