"""The rules that watch a lamp, as tables."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.rules import DeviceView, Rule, RuleContext, RuleOutcome
from devices.streetlight.rules import RULES
from devices.streetlight.rules.cycling_failure import cycling_failure
from devices.streetlight.rules.lamp_failure import lamp_failure
from devices.streetlight.rules.lamp_power import lamp_power_too_high, lamp_power_too_low, power_limit
from devices.streetlight.rules.lamp_unexpectedly_on import lamp_unexpectedly_on
from devices.streetlight.rules.power_factor_too_low import power_factor_too_low
from devices.streetlight.rules.reported_faults import reported_faults
from devices.streetlight.rules.supply_loss import supply_loss
from devices.streetlight.rules.thresholds import high_temperature, lamp_voltage_too_high, lamp_voltage_too_low
from tests.unit.devices.views import MINUTE_US, NOW_US, context, view

LIT = {"level_pct": 80.0, "command_level_pct": 80.0, "power_w": 47.0, "voltage_v": 230.0, "power_factor": 0.91}
DEAD = LIT | {"power_w": 0.4}
RATED = {"rated_power_w": 64.0}


def after(rule: Rule, samples: Sequence[dict[str, Any]], *, sun_up: bool = False, **more: Any) -> list[RuleOutcome]:
    """Outcomes for samples a minute apart."""
    state: Any = {}
    outcomes = []
    for minute, values in enumerate(samples):
        at_us = NOW_US + minute * MINUTE_US
        outcome = rule(view(values, at_us=at_us, **more), context(at_us, sun_up=sun_up), state)
        state = outcome.state
        outcomes.append(outcome)
    return outcomes


def raised(outcomes: Sequence[RuleOutcome]) -> list[list[str]]:
    return [[r.name for r in o.raised] for o in outcomes]


def test_a_lamp_has_failed_after_two_dark_samples_since_the_first() -> None:
    outcomes = after(lamp_failure, [LIT, DEAD, DEAD])
    assert raised(outcomes) == [[], [], ["lamp_failure"]]
    alarm = outcomes[2].raised[0]
    assert alarm.since_us == NOW_US + MINUTE_US
    assert alarm.details == {"command_level_pct": 80.0, "power_w": 0.4}


def test_a_lamp_that_burns_again_clears_the_alarm() -> None:
    assert [c.name for c in after(lamp_failure, [DEAD, DEAD, LIT])[2].cleared] == ["lamp_failure"]


def test_one_dark_sample_between_good_ones_is_no_failure() -> None:
    assert raised(after(lamp_failure, [DEAD, LIT, DEAD, LIT, DEAD])) == [[]] * 5


@pytest.mark.parametrize(
    ("change", "more"),
    [
        ({"voltage_v": 0.0}, {}),
        ({"voltage_v": 12.0}, {}),
        ({}, {"status": "offline"}),
        ({"command_level_pct": 0.0}, {}),
        ({"power_w": None}, {}),
        ({"command_level_pct": None}, {}),
        ({"command_level_pct": None}, {"state": {"command_level_pct": 80.0}, "state_us": NOW_US + 9 * MINUTE_US}),
    ],
    ids=["no supply", "hardly supply", "offline", "nobody wants light", "power unknown", "wish unknown", "wish newer"],
)
def test_a_lamp_is_never_failed_while_supply_communication_or_the_wish_is_missing(
    change: dict[str, Any], more: dict[str, Any]
) -> None:
    dark = {k: v for k, v in (DEAD | change).items() if v is not None}
    assert raised(after(lamp_failure, [dark] * 4, **more)) == [[]] * 4


def test_the_wish_may_come_from_the_state() -> None:
    dark = {"power_w": 0.0}
    assert raised(after(lamp_failure, [dark, dark], state={"command_level_pct": 30.0})) == [[], ["lamp_failure"]]


def test_an_open_failure_stays_open_by_day() -> None:
    outcomes = after(lamp_failure, [DEAD, DEAD, DEAD | {"command_level_pct": 0.0, "level_pct": 0.0}])
    assert not outcomes[2].cleared


def test_the_same_sample_twice_counts_once() -> None:
    first = lamp_failure(view(DEAD), context(), {})
    assert not lamp_failure(view(DEAD), context(), first.state).raised


@pytest.mark.parametrize("trigger", ["state", "status", "clock", "info", "event_lamp_failure"])
@pytest.mark.parametrize("rule", [r for r in RULES if r.__module__.startswith("devices.streetlight")])
def test_only_a_new_sample_or_state_makes_a_lamps_rule_judge(rule: Rule, trigger: str) -> None:
    outcome = rule(view(DEAD, state={"faults": []}), context(trigger=trigger), {"": {"bad": 1, "last_us": 0}})
    assert not outcome.raised
    assert not outcome.cleared


OFF = {"level_pct": 0.0, "command_level_pct": 0.0}


@pytest.mark.parametrize(
    ("values", "state", "sun_up", "alarm"),
    [
        (OFF | {"power_w": 64.0}, None, True, True),
        (OFF | {"power_w": 64.0}, None, False, False),
        (OFF | {"power_w": 0.4}, None, True, False),
        ({"level_pct": 100.0, "command_level_pct": 0.0}, None, True, True),
        (LIT, {"command_reason": "override"}, True, False),
        (LIT, {"command_reason": "program"}, True, False),
        (LIT, {"command_reason": "fallback"}, True, True),
        (LIT, {"command_reason": "default"}, True, True),
        ({"power_w": 64.0}, None, True, False),
        ({"power_w": 64.0}, {"command_level_pct": 0.0, "command_reason": "program"}, True, True),
    ],
)
def test_a_day_burner_is_a_lamp_that_burns_by_day_without_anybody_asking(
    values: dict[str, Any], state: dict[str, Any] | None, *, sun_up: bool, alarm: bool
) -> None:
    outcomes = after(lamp_unexpectedly_on, [values, values], sun_up=sun_up, state=state)
    assert raised(outcomes)[1] == (["lamp_unexpectedly_on"] if alarm else [])


def test_a_day_burner_ends_at_dusk() -> None:
    burning = OFF | {"power_w": 64.0}
    state = after(lamp_unexpectedly_on, [burning, burning], sun_up=True)[1].state
    at_us = NOW_US + 2 * MINUTE_US
    assert lamp_unexpectedly_on(view(burning, at_us=at_us), context(at_us, sun_up=False), state).cleared


@pytest.mark.parametrize(
    ("level", "power_w", "high", "low"),
    [
        (100, 64, False, False),
        (100, 84, True, False),
        (100, 47, False, True),
        (75, 44.7, False, False),
        (10, 5.9, False, False),
        (10, 13, True, False),
        (10, 4, False, True),
        (5, 5.9, False, False),
        (0, 30, True, False),
        (100, 0.4, False, False),
    ],
)
def test_power_is_judged_against_the_level(level: float, power_w: float, *, high: bool, low: bool) -> None:
    values = {"level_pct": level, "power_w": power_w}
    for rule, expected in ((lamp_power_too_high, high), (lamp_power_too_low, low)):
        outcomes = after(rule, [values, values], attributes=RATED)
        assert bool(outcomes[1].raised) is expected, rule.__name__


def test_without_a_rated_power_nobody_judges() -> None:
    assert raised(after(lamp_power_too_high, [{"level_pct": 10, "power_w": 5000}] * 2)) == [[], []]


def test_an_asset_may_set_its_own_limits() -> None:
    own = {"power_high_at_10_w": 5.0, "power_high_at_100_w": 20.0}
    assert raised(after(lamp_power_too_high, [LIT, LIT], attributes=own))[1] == ["lamp_power_too_high"]


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 50), st.floats(50, 200))
def test_limits_rise_with_the_level_between_their_two_points(a: float, b: float, at_10: float, at_100: float) -> None:
    low, high = sorted((a, b))
    assert at_10 <= power_limit(low, at_10, at_100) <= power_limit(high, at_10, at_100) + 1e-9
    assert power_limit(100, at_10, at_100) == pytest.approx(at_100)


@pytest.mark.parametrize(
    ("rule", "values", "alarm"),
    [
        (lamp_voltage_too_high, {"voltage_v": 254.0}, True),
        (lamp_voltage_too_high, {"voltage_v": 252.0}, False),
        (lamp_voltage_too_low, {"voltage_v": 206.0}, True),
        (lamp_voltage_too_low, {"voltage_v": 208.0}, False),
        (lamp_voltage_too_low, {"voltage_v": 0.0}, False),
        (high_temperature, {"gear_temperature_c": 90.0}, True),
        (high_temperature, {"gear_temperature_c": 66.0}, False),
        (power_factor_too_low, LIT | {"power_factor": 0.4}, True),
        (power_factor_too_low, LIT | {"power_factor": -0.9}, False),
        (power_factor_too_low, LIT | {"power_factor": 0.4, "level_pct": 10.0}, False),
        (power_factor_too_low, DEAD | {"power_factor": 0.4}, False),
    ],
)
def test_single_values_are_held_against_their_limits(rule: Rule, values: dict[str, Any], *, alarm: bool) -> None:
    assert bool(after(rule, [values, values])[1].raised) is alarm


@pytest.mark.parametrize(
    ("volts", "attributes", "sun_up", "alarm"),
    [
        (0.0, {}, True, True),
        (0.0, {"circuit_switched": True}, True, False),
        (0.0, {"circuit_switched": True}, False, True),
        (230.0, {}, True, False),
    ],
)
def test_lost_supply_is_told_at_once_but_not_of_a_circuit_that_is_off_by_day(
    volts: float, attributes: dict[str, Any], *, sun_up: bool, alarm: bool
) -> None:
    outcome = after(supply_loss, [{"voltage_v": volts}], sun_up=sun_up, attributes=attributes)[0]
    assert bool(outcome.raised) is alarm


def test_too_many_switchings_in_an_hour_are_a_fault_and_a_calm_hour_ends_it() -> None:
    counts = [0, 30, 61, 62, *([62] * 62), *([62] * 62)]
    outcomes = after(cycling_failure, [{"switch_on_count": c} for c in counts])
    assert raised(outcomes)[:4] == [[], [], ["cycling_failure"], ["cycling_failure"]]
    assert [c.name for o in outcomes[70:] for c in o.cleared] == ["cycling_failure"]


def test_a_counter_that_starts_again_is_no_fault() -> None:
    assert raised(after(cycling_failure, [{"switch_on_count": c} for c in (900, 0, 1)])) == [[]] * 3


def test_a_fault_the_lamp_reports_is_an_alarm_while_it_reports_it() -> None:
    def told(faults: Sequence[str]) -> DeviceView:
        return view(state={"faults": faults}, state_us=NOW_US)

    state: RuleContext = context(trigger="state")
    first = reported_faults(told(["relay_failure", "no_such_fault"]), state, {})
    assert [r.name for r in first.raised] == ["reported_relay_failure"]
    then = reported_faults(told(["high_temperature"]), state, first.state)
    assert [r.name for r in then.raised] == ["reported_high_temperature"]
    assert [c.name for c in then.cleared] == ["reported_relay_failure"]


def test_of_a_lamp_in_order_no_rule_remembers_anything_new() -> None:
    good = LIT | {"gear_temperature_c": 30.0, "current_a": 0.2, "level_pct": 80.0}
    for rule in RULES:
        outcomes = after(rule, [good, good], attributes=RATED)
        assert not outcomes[1].raised, rule.__name__
        assert outcomes[1].state == {}, rule.__name__


def test_every_rule_has_a_name_and_a_contract() -> None:
    assert len({r.__name__ for r in RULES}) == len(RULES)
    assert all(r.__doc__ for r in RULES)
