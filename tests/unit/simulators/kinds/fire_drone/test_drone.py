"""Simulated drones fly what they say they flew, and say it in messages that the gateway accepts."""

import json
from pathlib import Path

import pytest

from devices.fire_drone.flights.detector import detect_flights
from devices.fire_drone.flights.flight import FlightStatus
from devices.fire_drone.flights.sample import FlightSample
from devices.kind_catalog import discover_kinds
from devices.samples import RawMessage
from devices.time_us import DAY_US, HOUR_US, SECOND_US
from gateway.decode import DecodedMessage, MessageDecoder
from simulators.device import FleetOptions, OutgoingReport
from simulators.envelope_sender import EnvelopeSender
from simulators.kinds.fire_drone import build_fleet
from simulators.kinds.fire_drone.device import SimulatedDrone

PAYLOADS = Path(__file__).parents[4] / "payloads" / "fire_drone"
START_US = 1_790_000_000 * SECOND_US
DECODER = MessageDecoder(discover_kinds())


def drone(number: int = 0, seed: int = 5) -> SimulatedDrone:
    built = build_fleet(FleetOptions(count=2, seed=seed))[number]
    assert isinstance(built, SimulatedDrone)
    return built


def live(device: SimulatedDrone, length_us: int) -> list[OutgoingReport]:
    sent = list(device.start(START_US))
    while device.due_us() <= START_US + length_us:
        sent += device.tick(device.due_us())
    return sent


def heard(device: SimulatedDrone, sent: list[OutgoingReport]) -> list[DecodedMessage]:
    sender = EnvelopeSender(device_id=device.device_id, kind="fire_drone", tenant_id="kl", boot_id="b1")
    found = []
    for message in sent:
        wire = sender.wire(message)
        received_us = message.ts_us or START_US
        decoded = DECODER.decode(RawMessage(wire.topic.encode(), wire.payload, 1, False, False, received_us))  # noqa: FBT003
        assert isinstance(decoded, DecodedMessage), decoded
        assert decoded.unknown_fields == 0
        found.append(decoded)
    return found


@pytest.mark.parametrize("number", [0, 1])
def test_the_flights_found_in_a_day_are_those_that_were_flown(number: int) -> None:
    device = drone(number)
    readings = [
        r for h in heard(device, live(device, DAY_US)) for r in h.readings if r.series == "telemetry" and not r.part
    ]
    assert not any(reading.suspect for reading in readings)
    samples = [FlightSample.of(r.ts_us or 0, r.ts_us or 0, r.values) for r in readings]
    found, true = detect_flights(samples, now_us=START_US + DAY_US), device.flights()
    assert len(found) == len(true) > 20
    for flight, flown in zip(found, true, strict=True):
        assert abs(flight.takeoff_us - flown.takeoff_us) <= 2 * SECOND_US
        if flight.status is FlightStatus.LANDED:
            assert abs(flight.end_us - flown.landing_us) <= 2 * SECOND_US
        assert flight.figures.battery_serial == flown.battery_serial
        lost = flown.gap_from_us is not None and not flown.gap_delivered
        if flight.status is FlightStatus.LANDED:
            assert len(flight.quality.gaps) == int(lost)
    assert [f.status for f in found[:-1]] == [FlightStatus.LANDED] * (len(found) - 1)
    assert any(flown.gap_delivered for flown in true)


def test_the_same_seed_and_calls_give_the_same_messages() -> None:
    assert live(drone(), HOUR_US) == live(drone(), HOUR_US)
    assert live(drone(), HOUR_US) != live(drone(seed=6), HOUR_US)


def test_late_calls_give_the_same_samples() -> None:
    one, other = drone(), drone()
    often = live(one, HOUR_US)
    late = [*other.start(START_US), *other.tick(START_US + HOUR_US)]
    assert late == often


def test_a_rate_is_obeyed_and_answered() -> None:
    device = drone()
    live(device, 0)
    ack, state = device.command("set_telemetry_rate", {"command_id": "c1", "rate_hz": 2.0}, START_US + 1)
    assert (ack.channel, ack.body["status"], ack.body["command_id"]) == ("ack", "applied", "c1")
    assert (state.body["telemetry_rate_hz"], state.body["applied_command_id"]) == (2.0, "c1")


def test_the_full_state_is_sent_on_request() -> None:
    device = drone()
    live(device, HOUR_US)
    sent = device.command("request_full_state", {"command_id": "c1"}, device.due_us() - 1)
    assert [message.channel for message in sent] == ["ack", "info", "state", "telemetry"]
    heard(device, list(sent))


def test_truth_tells_each_flight_once() -> None:
    device = drone()
    live(device, DAY_US // 4)
    facts = device.truth()
    assert len(facts) >= len(device.flights()) - 1 > 0
    assert {fact["fact"] for fact in facts} == {"flight"}
    assert device.truth() == []


def test_numbered_drones_follow_the_named_ones() -> None:
    assert [d.device_id for d in build_fleet(FleetOptions(3, 1))] == ["fritz", "ottmar", "drone-3"]
    assert [d.device_id for d in build_fleet(FleetOptions(2, 1, prefix="x"))] == ["x1", "x2"]


def test_recorded_messages_are_still_produced_field_by_field() -> None:
    shapes = {(m.channel, m.name, frozenset(m.body)) for m in live(drone(), HOUR_US)}
    recorded = sorted(PAYLOADS.glob("*.json"))
    assert len(recorded) >= 8
    for path in recorded:
        channel, _, event = path.stem.partition("-")[0].partition(".")
        body = set(json.loads(path.read_text())) - {"v", "device_id", "ts", "boot_id", "seq"}
        assert (channel, event, frozenset(body)) in shapes, path.stem
