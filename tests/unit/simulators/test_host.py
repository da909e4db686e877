"""A host keeps the device's side of the command contract."""

import json

import pytest

from devices.time_us import HOUR_US, MINUTE_US, SECOND_US, rfc3339
from simulators.envelope_sender import WireMessage
from simulators.history import publish_history
from simulators.options import BrokerAddress, FaultOptions
from tests.unit.simulators.kinds.streetlight.scene import NIGHT_US, bodies, dim, host, run


def acks(wires: list[WireMessage]) -> list[tuple[str, str | None]]:
    return [(a["status"], a.get("reason")) for a in bodies(wires, "ack")]


def test_a_repeated_command_is_answered_and_not_done_again() -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NIGHT_US)
    command = dim("c1", NIGHT_US, level_pct=50)
    first = lamp.receive_command("dim", command, NIGHT_US, retained=False)
    again = lamp.receive_command("dim", command, NIGHT_US + SECOND_US, retained=False)
    assert acks(first) == acks(again) == [("applied", None)]
    assert bodies(again, "state") == []


def test_a_retained_command_is_ignored() -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NIGHT_US)
    assert lamp.receive_command("dim", dim("c1", NIGHT_US, level_pct=50), NIGHT_US, retained=True) == []


def test_a_late_command_is_refused_as_expired_by_the_devices_clock() -> None:
    for skew_s, expected in ((0.0, [("applied", None)]), (60.0, [("rejected", "expired")])):
        lamp = host(1, FaultOptions(skew_s=skew_s), at="lamp-")
        lamp.start(NIGHT_US)
        answer = lamp.receive_command("dim", dim("c1", NIGHT_US, level_pct=50), NIGHT_US, retained=False)
        assert acks(answer) == expected
        assert bodies(answer, "ack")[0]["ts"] == rfc3339(NIGHT_US + round(skew_s * SECOND_US))


@pytest.mark.parametrize(
    ("name", "payload", "reason"),
    [
        ("dim", dim("c1", NIGHT_US, level_pct=500), "parameterValueNotValid"),
        ("dim", dim("c1", NIGHT_US), "parameterValueNotValid"),
        ("self_destruct", dim("c1", NIGHT_US), "resourceNotFound"),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, payload: bytes, reason: str) -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NIGHT_US)
    assert acks(lamp.receive_command(name, payload, NIGHT_US, retained=False)) == [("rejected", reason)]


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b"\xff", b'{"v":2,"command_id":"c"}', b'{"v":1}'])
def test_noise_is_ignored(payload: bytes) -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NIGHT_US)
    assert lamp.receive_command("dim", payload, NIGHT_US, retained=False) == []
    assert lamp.receive_config(payload, NIGHT_US) == []


def test_answers_to_a_group_are_spread_but_the_light_changes_at_once() -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NIGHT_US)
    command = dim("c1", NIGHT_US, level_pct=80, ack_spread_s=10.0)
    assert lamp.receive_command("dim", command, NIGHT_US, retained=False) == []
    later = run(lamp, NIGHT_US, NIGHT_US + 11 * SECOND_US)
    assert acks(later) == [("applied", None)]
    assert bodies(later, "ack")[0]["ts"] == rfc3339(NIGHT_US)


def test_answers_keep_the_order_of_the_commands() -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NIGHT_US)
    lamp.receive_command("dim", dim("c1", NIGHT_US, level_pct=80, ack_spread_s=10.0), NIGHT_US, retained=False)
    wires = lamp.receive_command("cancel", b'{"v":1,"command_id":"c1"}', NIGHT_US + 1, retained=False)
    assert acks(wires) == [("applied", None), ("applied", "cancelled")]
    assert [s["command"]["reason"] for s in bodies(wires, "state")] == ["override", "program"]


def test_lost_commands_do_nothing() -> None:
    lamp = host(1, FaultOptions(drop_commands=1.0), at="lamp-")
    lamp.start(NIGHT_US)
    assert lamp.receive_command("dim", dim("c1", NIGHT_US, level_pct=80), NIGHT_US, retained=False) == []


def test_a_reboot_begins_a_new_boot_and_says_it_is_online() -> None:
    lamp = host(1, FaultOptions(reboot=1.0), at="lamp-")
    lamp.start(NIGHT_US)
    wires = run(lamp, NIGHT_US, NIGHT_US + 3 * MINUTE_US)
    assert [(w.channel, "reboot" in w.faults) for w in wires[:2]] == [("status", True), ("telemetry", False)]
    assert [s["seq"] for s in bodies(wires, "telemetry")] == [0] * len(bodies(wires, "telemetry"))
    assert len({s["boot_id"] for s in bodies(wires, "telemetry")}) == len(bodies(wires, "telemetry"))


def test_history_says_all_samples_once_in_batches_and_goes_on_live_without_a_gap() -> None:
    lamp, out = host(4), list[WireMessage]()
    begin_us = NIGHT_US - 24 * HOUR_US
    assert publish_history([lamp], begin_us, NIGHT_US, out.append) == 1440
    samples = [s for w in out if w.channel == "telemetry" for s in json.loads(w.payload)["batch"]]
    assert len({s["ts"] for s in samples}) == 1440
    assert [w.channel for w in out if w.retained] == ["info", "state"]
    assert max(len(w.payload) for w in out) <= 200 * 1024
    numbers = sorted(i.seq for w in out for i in w.identities)
    numbers += [i.seq for w in run(lamp, NIGHT_US, NIGHT_US + HOUR_US) for i in w.identities]
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://127.0.0.1:1884", BrokerAddress("127.0.0.1", 1884)),
        ("mqtt://kl%2Flamp:p%40ss@broker", BrokerAddress("broker", 1883, "kl/lamp", "p@ss")),
        ("mqtts://broker", BrokerAddress("broker", 8883, tls=True)),
    ],
)
def test_a_brokers_address_is_read(url: str, address: BrokerAddress) -> None:
    assert BrokerAddress.parse(url) == address
    assert "p@ss" not in repr(address)
