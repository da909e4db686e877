"""The simulated MoGLi: what it sends is valid, repeatable, and gives its true volume back."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from devices.event_network import KIND
from devices.event_network.rates import RateQuality, RateStep, counter_readings, rate_steps
from devices.event_network.telemetry import NodeTelemetry
from devices.messages import AckMessage, Envelope
from devices.time_us import DAY_US, HOUR_US, MINUTE_US, SECOND_US, rfc3339
from simulators.device import FleetOptions, OutgoingReport
from simulators.kinds.event_network import build_fleet
from simulators.kinds.event_network.crowd import SceneTraffic
from simulators.kinds.event_network.device import SimulatedNode
from simulators.kinds.event_network.scene import mogli_scene

START_US = 1_790_000_000_000_000
PAYLOADS = Path(__file__).parents[4] / "payloads" / "event_network"


def nodes(seed: int = 1) -> list[SimulatedNode]:
    found = build_fleet(FleetOptions(5, seed))
    return [n for n in found if isinstance(n, SimulatedNode)]


def run(until_us: int, some: Iterable[SimulatedNode]) -> dict[str, list[OutgoingReport]]:
    found: dict[str, list[OutgoingReport]] = defaultdict(list)
    for node in some:
        found[node.device_id] += node.start(START_US)
        found[node.device_id] += node.tick(until_us)
    return found


def decoded(node_id: str, message: OutgoingReport, boot_id: str = "b1") -> Envelope:
    """The message as the gateway would read it."""
    models: dict[str, type[Envelope]] = {
        "telemetry": KIND.telemetry,
        "state": KIND.state,
        "info": KIND.info,
        "ack": AckMessage,
        "event": KIND.events.get(message.name, Envelope),
    }
    assert message.ts_us is not None
    head = {"v": 1, "device_id": node_id, "ts": rfc3339(message.ts_us), "boot_id": boot_id, "seq": 1}
    return models[message.channel].model_validate_json(json.dumps(head | dict(message.body)))


def rates(
    messages: Sequence[OutgoingReport], node_id: str, part: str, direction: str, boots: Sequence[int]
) -> list[RateStep]:
    """Steps of one counter, with a boot id for each span between `boots`."""
    rows = []
    for message in messages:
        if message.channel == "telemetry" and message.body.get("part") == part:
            boot = f"b{sum(1 for at in boots if at < (message.ts_us or 0))}"
            model = decoded(node_id, message, boot)
            assert isinstance(model, NodeTelemetry)
            rows.append((message.ts_us or 0, model.values()))
    return list(rate_steps(counter_readings(rows, direction), 10))


def test_every_message_is_valid_and_without_unknown_fields() -> None:
    for node_id, messages in run(START_US + HOUR_US, nodes()).items():
        for message in messages:
            assert not decoded(node_id, message).model_extra, message


def test_the_same_seed_gives_the_same_messages_and_another_gives_others() -> None:
    until_us = START_US + 10 * MINUTE_US
    assert run(until_us, nodes()) == run(until_us, nodes())
    assert run(until_us, nodes(1)) != run(until_us, nodes(2))


def test_ticks_in_between_change_nothing() -> None:
    at_once, in_steps = nodes()[1], nodes()[1]
    at_once.start(START_US)
    in_steps.start(START_US)
    sent: list[OutgoingReport] = []
    for second in range(0, 300, 7):
        sent += in_steps.tick(START_US + second * SECOND_US)
    assert sent == list(at_once.tick(START_US + 294 * SECOND_US))


def test_a_parent_carries_what_its_children_carry() -> None:
    traffic = SceneTraffic(mogli_scene(), seed=1, begin_us=START_US)
    parts = traffic.scene.parts()
    children = [p for p in parts.values() if p.parent_id == "port-stage"]
    for minute in (1, 2, 30):
        at_us = START_US + minute * MINUTE_US + 3 * SECOND_US
        assert traffic.octets(parts["port-stage"], "down", at_us) == sum(
            traffic.octets(c, "down", at_us) for c in children
        )


def test_the_evening_is_fullest() -> None:
    traffic = SceneTraffic(mogli_scene(), seed=1, begin_us=START_US)
    visitors = traffic.scene.parts()["stage-visitors"]
    midnight_us = START_US - START_US % DAY_US + DAY_US - 2 * HOUR_US
    hours = [traffic.octets(visitors, "down", midnight_us + h * HOUR_US) for h in range(25)]
    busiest = max(range(24), key=lambda h: hours[h + 1] - hours[h])
    assert busiest in {19, 20, 21}


@pytest.mark.parametrize("device", [0, 1, 3])
def test_rates_give_the_true_volume_through_wraps_clearings_and_folds(device: int) -> None:
    node = nodes()[device]
    messages = run(START_US + 14 * HOUR_US, [node])[node.device_id]
    for true in node.truth():
        for direction, octets in (("in", true.in_octets), ("out", true.out_octets)):
            found = rates(messages, node.device_id, true.part, direction, [])
            resets = [s for s in found if s.quality is RateQuality.RESET]
            measured = sum(s.octets for s in found)
            assert measured == octets if not resets else octets * 0.999 < measured <= octets
            assert max(s.peak_bps or 0 for s in found) <= 1.05 * 10**9
            if device == 0:
                assert len(resets) == 1, "its counters are cleared once"
            if device == 3 and direction == "out":
                assert RateQuality.WRAP in {s.quality for s in found}, "its 32-bit counter wraps"


def test_a_reboot_costs_less_than_one_interval_and_makes_no_spike() -> None:
    node = nodes()[1]
    messages = [*node.start(START_US), *node.tick(START_US + HOUR_US)]
    again_us = START_US + HOUR_US + 5 * SECOND_US
    messages += [*node.start(again_us), *node.tick(again_us + HOUR_US)]
    true = next(t for t in node.truth() if t.part == "ssid:visitors")
    found = rates(messages, node.device_id, true.part, "out", [again_us])
    assert [s.quality for s in found].count(RateQuality.RESET) == 1
    assert 0.99 * true.out_octets < sum(s.octets for s in found) < true.out_octets
    assert max(s.bps or 0 for s in found) < 4 * 10**8


def test_a_profile_is_acknowledged_stands_in_the_state_and_holds_the_traffic_down() -> None:
    node = nodes()[1]
    node.start(START_US)
    body = {"command_id": "c1", "service_class": "visitors", "down_bps": 2_000_000, "up_bps": 1_000_000}
    ack, state = node.command("set_profile", body, START_US + 1)
    assert (ack.channel, ack.body["status"], ack.body["command_id"]) == ("ack", "applied", "c1")
    assert state.body["applied"] == {"visitors_down_bps": 2_000_000, "visitors_up_bps": 1_000_000}
    messages = list(node.tick(START_US + 10 * MINUTE_US))
    found = rates(messages, node.device_id, "ssid:visitors", "out", [])
    assert max(s.bps or 0 for s in found[3:]) <= 2_000_000
    rejected = node.command("fly", {"command_id": "c2"}, START_US + 2)
    assert [m.body["status"] for m in rejected] == ["rejected"]


def test_capacity_tests_run_one_after_the_other() -> None:
    node = nodes()[0]
    tests = [m for m in run(START_US + 10 * MINUTE_US, [node])[node.device_id] if m.name == "capacity_test"]
    assert len({(m.body["measured_part"], m.body["direction"]) for m in tests}) == len(tests) == 10
    assert len({m.ts_us for m in tests}) == 10, "the time is an event's identity"


def test_a_configuration_is_taken() -> None:
    node = nodes()[1]
    node.start(START_US)
    (state,) = node.config(
        {"reporting_interval_s": 1, "profile": {"bos_up_bps": 5}, "config_version": 4}, START_US + SECOND_US
    )
    assert (state.body["applied"], state.body["config_version"]) == ({"bos_up_bps": 5}, 4)
    first = node.due_us()
    node.tick(first)
    assert node.due_us() - first == SECOND_US


def recorded() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(PAYLOADS.glob("*.json"))}


def test_recorded_messages_are_still_produced_field_by_field() -> None:
    sent = [m for messages in run(START_US + 2 * MINUTE_US, nodes()).values() for m in messages]
    shapes = [(m.channel, m.name, frozenset(m.body)) for m in sent]
    head = {"v", "device_id", "ts", "boot_id", "seq"}
    assert recorded()
    for name, payload in recorded().items():
        channel, _, event = name.partition("-")[0].partition(".")
        assert any(s[0] == channel and s[1] == event and s[2] == set(payload) - head for s in shapes), name


@pytest.mark.parametrize("name", sorted(recorded()))
def test_recorded_messages_are_still_accepted(name: str) -> None:
    channel, _, event = name.partition("-")[0].partition(".")
    models: dict[str, type[Envelope]] = {"telemetry": KIND.telemetry, "state": KIND.state, "info": KIND.info}
    model = KIND.events[event] if event else models[channel]
    assert not model.model_validate_json(json.dumps(recorded()[name])).model_extra
