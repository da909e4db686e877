"""The simulated lamp: obeys, returns by itself, meters truthfully."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from devices.streetlight import KIND
from devices.time_us import HOUR_US, MINUTE_US, SECOND_US, rfc3339
from simulators.options import FaultOptions
from tests.unit.simulators.kinds.streetlight.scene import (
    NIGHT_US,
    bodies,
    dim,
    evening_program,
    host,
    messages,
    run,
)

PINNED = Path("tests/payloads/streetlight")
NOON_US = NIGHT_US - 8 * HOUR_US


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: shape(v) for k, v in value.items()}
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def in_force(wires: list[Any]) -> list[tuple[float, str]]:
    return [(s["command"]["level_pct"], s["command"]["reason"]) for s in bodies(wires, "state")]


def test_the_lamp_still_says_what_is_pinned() -> None:
    said = messages()
    assert sorted(said) == sorted(p.stem for p in PINNED.glob("*.json"))
    for name, body in said.items():
        assert shape(body) == shape(json.loads((PINNED / f"{name}.json").read_bytes())), name


def test_the_same_seed_gives_the_same_night() -> None:
    nights = []
    for _ in range(2):
        lamp = host()
        nights.append([w.payload for w in (*lamp.start(NIGHT_US), *run(lamp, NIGHT_US, NIGHT_US + HOUR_US))])
    assert nights[0] == nights[1]
    assert len(nights[0]) > 60


def test_an_override_ends_by_the_lamps_own_clock() -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NOON_US)
    assert in_force(lamp.receive_command("dim", dim("c1", NOON_US, level_pct=70), NOON_US, retained=False)) == [
        (70.0, "override")
    ]
    until_us = NOON_US + HOUR_US
    assert "state" not in [w.channel for w in run(lamp, NOON_US, until_us)]
    assert lamp.due_us() == until_us
    assert in_force(lamp.tick(until_us)) == [(0.0, "program")]


def test_an_override_without_an_end_gets_one() -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NOON_US)
    lamp.receive_command("dim", dim("c1", NOON_US, level_pct=70, until=None), NOON_US, retained=False)
    assert in_force(run(lamp, NOON_US, NOON_US + 3 * HOUR_US)) == [(0.0, "program")]


def test_an_expired_emergency_leaves_the_operators_override_in_force() -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NOON_US)
    lamp.receive_command("dim", dim("c1", NOON_US, level_pct=30), NOON_US, retained=False)
    soon = rfc3339(NOON_US + 10 * MINUTE_US)
    urgent = dim("c2", NOON_US, level_pct=100, priority="emergency", until=soon)
    assert in_force(lamp.receive_command("dim", urgent, NOON_US, retained=False)) == [(100.0, "emergency")]
    lower = lamp.receive_command("dim", dim("c3", NOON_US, level_pct=40), NOON_US, retained=False)
    assert bodies(lower, "ack")[0]["reason"] == "emergency holds above it"
    assert in_force(run(lamp, NOON_US, NOON_US + 20 * MINUTE_US)) == [(40.0, "override")]


def test_a_level_below_the_floor_is_raised_and_the_answer_says_so() -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NOON_US)
    wires = lamp.receive_command("dim", dim("c1", NOON_US, level_pct=3), NOON_US, retained=False)
    assert (bodies(wires, "ack")[0]["status"], bodies(wires, "ack")[0]["reason"]) == ("applied", "raised to the floor")
    assert in_force(wires) == [(10.0, "override")]


def test_off_is_off() -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NIGHT_US)
    wires = lamp.receive_command("dim", dim("c1", NIGHT_US, level_pct=0), NIGHT_US, retained=False)
    assert in_force(wires) == [(0.0, "override")]


@pytest.mark.parametrize(("operation", "level"), [("max", 60.0), ("min", 20.0), ("set", 20.0)])
def test_an_operation_works_on_what_is_below(operation: str, level: float) -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NIGHT_US)
    wires = lamp.receive_command(
        "dim", dim("c1", NIGHT_US, level_pct=20, operation=operation), NIGHT_US, retained=False
    )
    assert in_force(wires) == [(level, "override")]


def test_a_command_with_a_start_waits_for_it() -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NOON_US)
    start = rfc3339(NOON_US + 5 * MINUTE_US)
    wires = lamp.receive_command("dim", dim("c1", NOON_US, level_pct=50, start_at=start), NOON_US, retained=False)
    assert [a["status"] for a in bodies(wires, "ack")] == ["accepted"]
    then = run(lamp, NOON_US, NOON_US + 6 * MINUTE_US)
    assert [(a["status"], a["ts"]) for a in bodies(then, "ack")] == [("applied", start)]
    assert in_force(then) == [(50.0, "override")]


def test_resume_drops_its_rung_and_below_only() -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NOON_US)
    for name, priority in (("c1", "override"), ("c2", "emergency")):
        lamp.receive_command("dim", dim(name, NOON_US, level_pct=50, priority=priority), NOON_US, retained=False)
    body = {k: v for k, v in json.loads(dim("c3", NOON_US)).items() if k != "until"}
    first = lamp.receive_command("resume", json.dumps(body).encode(), NOON_US, retained=False)
    assert in_force(first) == [(50.0, "emergency")]
    body |= {"command_id": "c4", "priority": "emergency"}
    assert in_force(lamp.receive_command("resume", json.dumps(body).encode(), NOON_US, retained=False)) == [
        (0.0, "program")
    ]


def test_a_cancelled_override_ends_at_once() -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NOON_US)
    lamp.receive_command("dim", dim("c1", NOON_US, level_pct=50), NOON_US, retained=False)
    wires = lamp.receive_command("cancel", b'{"v":1,"command_id":"c1"}', NOON_US + SECOND_US, retained=False)
    assert [(a["status"], a["reason"]) for a in bodies(wires, "ack")] == [("applied", "cancelled")]
    assert in_force(wires) == [(0.0, "program")]
    assert bodies(wires, "state")[0].get("applied_command_id") is None


def test_a_fade_takes_its_time_and_its_end_is_told() -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NOON_US)
    first = lamp.receive_command("dim", dim("c1", NOON_US, level_pct=80, fade_s=4), NOON_US, retained=False)
    assert bodies(first, "state")[0]["level_pct"] == 0.0
    end = [s for s in bodies(run(lamp, NOON_US, NOON_US + 5 * SECOND_US), "state") if s["level_pct"] == 80.0]
    assert [s["ts"] for s in end] == [rfc3339(NOON_US + 4 * SECOND_US)]


def test_following_light_brightens_while_somebody_passes_and_only_at_night() -> None:
    night, day = host(5), host(5)
    night.start(NIGHT_US)
    day.start(NOON_US)
    raised = in_force(run(night, NIGHT_US, NIGHT_US + HOUR_US))
    assert (90.0, "sensor") in raised
    assert any(reason == "program" for _, reason in raised)
    assert in_force(run(day, NOON_US, NOON_US + HOUR_US)) == []


def test_people_are_counted_once_at_every_lamp() -> None:
    first, last = host(1), host(10)
    counts = []
    for lamp in (first, last):
        lamp.start(NIGHT_US)
        said = bodies(run(lamp, NIGHT_US, NIGHT_US + 6 * HOUR_US), "telemetry")
        counts.append(sum(s["road_users"] for s in said))
    assert counts[0] == pytest.approx(counts[1], abs=4)
    assert counts[0] > 20


def test_the_meters_agree_with_each_other() -> None:
    lamp = host(3)
    lamp.start(NIGHT_US)
    samples = bodies(run(lamp, NIGHT_US, NIGHT_US + 4 * HOUR_US), "telemetry")
    for s in samples:
        assert s["voltage_v"] * s["current_a"] * s["power_factor"] == pytest.approx(s["power_w"], rel=0.01)
    used = samples[-1]["energy_wh"] - samples[0]["energy_wh"]
    assert 4 * 10 < used < 4 * 64
    assert samples[-1]["operating_h"] - samples[0]["operating_h"] == pytest.approx(4, abs=0.05)
    assert all(b["energy_wh"] >= a["energy_wh"] for a, b in pairwise(samples))


def test_the_seventh_lamp_is_dark_when_it_should_be_lit_and_says_so_even_by_day() -> None:
    lamp = host(7)
    by_day = [*lamp.start(NOON_US), *run(lamp, NOON_US, NOON_US + HOUR_US)]
    assert not [s for s in bodies(by_day, "state") if s["faults"]]
    night = run(lamp, NOON_US + HOUR_US, NOON_US + 24 * HOUR_US)
    lit = [s for s in bodies(night, "telemetry") if s["command_level_pct"] > 0]
    assert lit
    assert max(s["power_w"] for s in lit) < 1
    assert len([w for w in night if w.topic.endswith("/event/lamp_failure")]) == 1
    assert bodies(night, "state")[-1]["faults"] == ["lamp_failure"]
    assert [f["fact"] for f in lamp.truth()] == ["light_source_failed"]


def test_the_light_follows_dusk_night_and_dawn() -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NOON_US)
    levels = [s["command"]["level_pct"] for s in bodies(run(lamp, NOON_US, NOON_US + 24 * HOUR_US), "state")]
    assert levels[0] == 10.0
    assert max(levels) == 60.0
    assert 30.0 in levels
    assert levels[-1] == 0.0


def test_a_configured_program_is_followed_and_its_groups_are_joined() -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NIGHT_US)
    body = {"v": 1, "version": 7, **evening_program().model_dump(mode="json", exclude_none=True)}
    said = lamp.receive_config(json.dumps(body).encode(), NIGHT_US)
    assert bodies(said, "state")[0]["config_version"] == 7
    assert lamp.device.groups == ("fauthweg", "festival")
    later = run(lamp, NIGHT_US, NIGHT_US + 3 * HOUR_US)
    assert [(s["ts"], s["command"]["level_pct"]) for s in bodies(later, "state")] == [
        ("2026-11-23T21:00:00.000Z", 20.0)
    ]
    assert len(bodies(later, "telemetry")) == pytest.approx(360, abs=2)


def test_a_configuration_that_makes_no_sense_changes_nothing_but_is_told() -> None:
    lamp = host(1, at="lamp-")
    lamp.start(NIGHT_US)
    said = lamp.receive_config(b'{"v":1,"version":2,"time_zone":"Mars/Olympus"}', NIGHT_US)
    assert bodies(said, "state")[0]["faults"] == ["invalid_program"]
    assert "config_version" not in bodies(said, "state")[0]


def test_everything_a_lamp_says_in_a_day_is_acceptable() -> None:
    lamp = host(1, faults=FaultOptions(reset_counters=0.01))
    channels = {"telemetry": KIND.telemetry, "state": KIND.state, "info": KIND.info}
    wires = [*lamp.start(NOON_US), *run(lamp, NOON_US, NOON_US + 24 * HOUR_US)]
    for wire in wires:
        assert not channels[wire.channel].model_validate_json(wire.payload).__pydantic_extra__
