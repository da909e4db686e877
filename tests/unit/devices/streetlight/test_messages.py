"""What a lamp's messages may hold, and what must be refused or doubted."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from devices.fields import PlausibleRange
from devices.messages import AckMessage, StatusMessage
from devices.streetlight import KIND
from devices.streetlight.commands import DimCommand, ResumeCommand
from devices.streetlight.config import LampConfig, LightStep, StepBase
from devices.streetlight.enums import LevelOperation, LevelReason
from devices.streetlight.events import EVENTS, FAULTS
from devices.streetlight.telemetry import LampTelemetry

PINNED = Path("tests/payloads/streetlight")
HEAD = {"v": 1, "device_id": "L01", "ts": "2026-11-23T19:00:00Z", "boot_id": "b", "seq": 1}
MODELS: dict[str, type[BaseModel]] = {
    "telemetry": KIND.telemetry,
    "state": KIND.state,
    "info": KIND.info,
    "ack": AckMessage,
    "status": StatusMessage,
}


def sample(**values: Any) -> LampTelemetry:
    return LampTelemetry.model_validate_json(json.dumps(HEAD | values))


def plausible(field: str) -> PlausibleRange | None:
    info = LampTelemetry.model_fields[field]
    inner = [m for a in getattr(info.annotation, "__args__", ()) for m in getattr(a, "__metadata__", ())]
    return next((m for m in (*info.metadata, *inner) if isinstance(m, PlausibleRange)), None)


@pytest.mark.parametrize("path", sorted(p for p in PINNED.glob("*.json") if p.stem != "config"), ids=lambda p: p.stem)
def test_pinned_payloads_are_accepted_whole(path: Path) -> None:
    channel = path.stem.partition("-")[0]
    event = channel.removeprefix("event.")
    models = MODELS | {"event." + event: EVENTS[event]} if event in EVENTS else MODELS
    model = models[channel].model_validate_json(path.read_bytes())
    assert not model.__pydantic_extra__


def test_the_pinned_configuration_is_accepted() -> None:
    body = json.loads((PINNED / "config.json").read_bytes())
    assert LampConfig.model_validate({k: v for k, v in body.items() if k not in {"v", "version"}}).program_id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("level_pct", 101),
        ("level_pct", -1),
        ("power_w", -0.1),
        ("voltage_v", 1001),
        ("power_factor", 1.01),
        ("gear_temperature_c", -300),
        ("relative_humidity_pct", 101),
        ("road_users", 1.5),
        ("sampling_s", 0),
        ("switch_on_count", -1),
        ("switch_on_count", 2**64),
        ("power_w", "44"),
        ("power_w", True),
        ("tilt_deg", 181),
    ],
)
def test_the_impossible_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        sample(**{field: value})


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_refused(number: str) -> None:
    text = json.dumps(HEAD)[:-1] + f', "power_w": {number}}}'
    with pytest.raises(ValidationError):
        LampTelemetry.model_validate_json(text)


@pytest.mark.parametrize(
    ("field", "value"),
    [("voltage_v", 290), ("gear_temperature_c", 130), ("current_a", 9), ("power_w", 500), ("frequency_hz", 44)],
)
def test_the_implausible_is_stored_and_doubted(field: str, value: float) -> None:
    limits = plausible(field)
    assert sample(**{field: value}).values()[field] == value
    assert limits is not None
    assert not limits.low <= value <= limits.high


def test_a_counter_may_be_a_decimal_string() -> None:
    assert sample(switch_on_count="18446744073709551615").switch_on_count == 2**64 - 1


def test_a_sample_says_only_what_it_knows() -> None:
    assert sample().values() == {}


def test_every_number_has_a_unit_in_its_name() -> None:
    endings = ("_pct", "_w", "_va", "_var", "_v", "_a", "_factor", "_hz", "_wh", "_h", "_count", "_c", "_lx", "_users",
               "_s", "_deg", "_dbm", "_db")  # fmt: skip
    own = set(LampTelemetry.model_fields) - LampTelemetry.HEAD
    assert {name for name in own if not name.endswith(endings)} == set()


def test_the_state_flattens_to_what_is_in_force() -> None:
    state = KIND.state.model_validate_json((PINNED / "state-override.json").read_bytes())
    values = state.values()
    assert values["command_reason"] == "override"
    assert values["command_level_pct"] == 80
    assert values["command_until"] == "2026-11-23T20:05:00.000Z"


@given(
    st.sampled_from([LevelReason.EMERGENCY, LevelReason.MAINTENANCE, LevelReason.OVERRIDE]),
    st.floats(0, 100),
    st.floats(0, 90.5),
)
def test_a_dim_survives_the_wire(priority: LevelReason, level: float, fade_s: float) -> None:
    dim = DimCommand.model_validate({"level_pct": level, "fade_s": fade_s, "priority": priority.value})
    assert DimCommand.model_validate_json(dim.model_dump_json()) == dim


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"level_pct": 101},
        {"level_pct": 5, "fade_s": 91},
        {"level_pct": 5, "priority": "program"},
        {"level_pct": 5, "x": 1},
    ],
)
def test_a_dim_that_makes_no_sense_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DimCommand.model_validate(arguments)


@pytest.mark.parametrize(
    ("later", "earlier", "ends"),
    [
        (DimCommand(level_pct=1), DimCommand(level_pct=2), True),
        (DimCommand(level_pct=1), DimCommand(level_pct=2, priority=LevelReason.EMERGENCY), False),
        (DimCommand(level_pct=1, priority=LevelReason.EMERGENCY), DimCommand(level_pct=2), False),
        (ResumeCommand(), DimCommand(level_pct=2), True),
        (ResumeCommand(), DimCommand(level_pct=2, priority=LevelReason.EMERGENCY), False),
        (ResumeCommand(priority=LevelReason.EMERGENCY), DimCommand(level_pct=2), True),
        (DimCommand(level_pct=1), ResumeCommand(), False),
    ],
)
def test_within_a_rung_the_newest_wins_and_a_resume_clears_its_rung_and_below(
    later: DimCommand | ResumeCommand, earlier: DimCommand | ResumeCommand, *, ends: bool
) -> None:
    assert later.replaces(earlier) is ends


@given(st.floats(0, 100), st.floats(0, 100))
def test_max_never_darkens_and_min_never_brightens(level: float, below: float) -> None:
    assert LevelOperation.MAX.on(level, below) >= below
    assert LevelOperation.MIN.on(level, below) <= below
    assert LevelOperation.SET.on(level, below) == level


def test_the_ladder_goes_from_emergency_down_to_the_fallback() -> None:
    assert [r.rung for r in LevelReason] == list(range(len(LevelReason)))
    assert (min(LevelReason, key=lambda r: r.rung), max(LevelReason, key=lambda r: r.rung)) == (
        LevelReason.EMERGENCY,
        LevelReason.FALLBACK,
    )


@pytest.mark.parametrize(("base", "at"), [("clock", None), ("utc", None), ("sunset", "20:00"), ("clock", "24:00")])
def test_a_step_needs_a_time_with_the_clock_and_none_with_the_sun(base: str, at: str | None) -> None:
    with pytest.raises(ValidationError):
        LightStep(base=StepBase(base), at=at, level_pct=10)


def test_events_have_the_names_of_talq_and_every_fault_is_one() -> None:
    assert {"lamp_failure", "supply_loss", "lamp_unexpectedly_on", "light_state_change"} <= set(EVENTS)
    assert set(FAULTS) <= set(EVENTS)
    fault = FAULTS["lamp_voltage_too_high"].model_validate_json(json.dumps(HEAD | {"voltage_v": 291.0}))
    assert fault.values() == {"severity": "info", "active": True, "voltage_v": 291.0}
