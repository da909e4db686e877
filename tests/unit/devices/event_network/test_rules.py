"""Rules: link down, saturated, on battery, light low; with what the event says of them."""

from typing import Any

import pytest

from devices.event_network.rules import battery_low, link_down, link_saturated, on_battery, optical_low
from devices.rules import DeviceView, LatestObservation, Rule, RuleContext, RuleOutcome, RuleState
from devices.time_us import SECOND_US

START_US = 1_790_000_000_000_000
IN_SERVICE = {"in_event": True, "service_now": True, "parts": {}}
BOOKED = {"in_event": True, "service_now": True,
          "parts": {"p": {"service_class": "visitors", "down_is": "out", "booked": {"down": 100_000_000}}}}  # fmt: skip


class Watched:
    """One node under one rule, fed sample by sample."""

    def __init__(
        self,
        rule: Rule,
        facts: dict[str, Any],
        applied: dict[str, int] | None = None,
        attributes: dict[str, Any] | None = None,
    ) -> None:
        self._rule = rule
        self._attributes = attributes or {}
        self._facts = facts
        self._applied = applied
        self._parts: dict[str, LatestObservation] = {}
        self._state: RuleState = {}

    def say(self, at_s: float, part: str = "p", **values: Any) -> RuleOutcome:
        at_us = START_US + round(at_s * SECOND_US)
        self._parts[part] = LatestObservation(at_us, at_us, values)
        return self._run(at_us, "telemetry", part)

    def clock(self, at_s: float, **facts: Any) -> RuleOutcome:
        self._facts = self._facts | facts
        return self._run(START_US + round(at_s * SECOND_US), "clock", "")

    def _run(self, at_us: int, trigger: str, part: str) -> RuleOutcome:
        state: Any = {f"applied_{name}": bps for name, bps in (self._applied or {}).items()}
        said = LatestObservation(at_us, at_us, state)
        view = DeviceView("n", "event_network", "kl", "online", 0, at_us, said, None, self._parts, self._attributes)
        outcome = self._rule(view, RuleContext(at_us, trigger, part, facts=self._facts), self._state)
        self._state = outcome.state
        return outcome


def names(outcome: RuleOutcome) -> tuple[list[str], list[str]]:
    return [r.name for r in outcome.raised], [c.name for c in outcome.cleared]


NOTHING: tuple[list[str], list[str]] = ([], [])


def test_a_link_that_was_never_up_is_not_reported() -> None:
    assert names(Watched(link_down, IN_SERVICE).say(0, oper_status="DOWN")) == NOTHING


def test_a_link_that_was_up_is_reported_once_and_cleared_when_up_again() -> None:
    node = Watched(link_down, IN_SERVICE)
    node.say(0, oper_status="UP")
    down = node.say(10, oper_status="LOWER_LAYER_DOWN")
    assert names(down) == (["link_down"], [])
    assert (down.raised[0].part, down.raised[0].since_us) == ("p", START_US + 10 * SECOND_US)
    assert names(node.say(20, oper_status="DOWN")) == NOTHING
    assert names(node.say(30, in_octets=5)) == NOTHING, "a sample without status says nothing about it"
    assert names(node.say(40, oper_status="TESTING")) == NOTHING
    assert names(node.say(50, oper_status="UP")) == ([], ["link_down"])


def test_set_up_is_no_alarm_until_service_begins() -> None:
    node = Watched(link_down, {"in_event": True, "service_now": False})
    node.say(0, oper_status="UP")
    assert names(node.say(10, oper_status="DOWN")) == NOTHING
    assert names(node.clock(60, service_now=True)) == (["link_down"], [])
    assert names(node.clock(120, service_now=False)) == ([], ["link_down"]), "tear-down ends it"


def test_a_node_outside_events_is_watched() -> None:
    node = Watched(link_down, {})
    node.say(0, oper_status="UP")
    assert names(node.say(10, oper_status="DOWN")) == (["link_down"], [])


def flow(node: Watched, from_s: int, to_s: int, mbit: float, begin: int = 0) -> list[tuple[int, RuleOutcome]]:
    """Samples every 10 s of a steady rate out of the interface."""
    per_s = round(mbit * 125_000)
    return [
        (at, node.say(at, in_octets=0, out_octets=begin + per_s * (at - from_s), boot_id="b", speed_bps=10**9))
        for at in range(from_s, to_s + 1, 10)
    ]


def raised_at(outcomes: list[tuple[int, RuleOutcome]]) -> list[int]:
    return [at for at, o in outcomes if o.raised]


def test_saturation_takes_five_minutes_of_95_percent_of_what_is_booked() -> None:
    assert raised_at(flow(Watched(link_saturated, BOOKED), 0, 600, 96)) == [310]
    assert raised_at(flow(Watched(link_saturated, BOOKED), 0, 600, 94)) == []
    assert raised_at(flow(Watched(link_saturated, BOOKED), 0, 290, 96)) == []


def test_the_lower_of_booked_and_provisioned_is_the_limit() -> None:
    half = {"visitors_down_bps": 50_000_000}
    assert raised_at(flow(Watched(link_saturated, BOOKED, half), 0, 400, 49)) == [310]


def test_without_booking_and_profile_the_lines_speed_is_the_limit() -> None:
    assert raised_at(flow(Watched(link_saturated, IN_SERVICE), 0, 400, 960)) == [310]


def test_saturation_ends_three_points_lower_not_at_once() -> None:
    node = Watched(link_saturated, BOOKED)
    flow(node, 0, 310, 96)
    at = 96 * 125_000 * 310
    assert all(names(o) == NOTHING for _, o in flow(node, 310, 350, 93, at))
    at += 93 * 125_000 * 40
    assert [s for s, o in flow(node, 350, 370, 91, at) if o.cleared] == [360]


def test_a_restart_or_a_gap_neither_raises_nor_clears() -> None:
    node = Watched(link_saturated, BOOKED)
    flow(node, 0, 200, 96)
    assert names(node.say(210, in_octets=0, out_octets=9, boot_id="b2", speed_bps=10**9)) == NOTHING
    assert raised_at(flow(node, 220, 400, 96, 10**6)) == [310]


def test_there_is_no_saturation_outside_service_time() -> None:
    node = Watched(link_saturated, BOOKED)
    flow(node, 0, 310, 96)
    assert names(node.clock(320, service_now=False)) == ([], ["link_saturated"])
    assert raised_at(flow(Watched(link_saturated, BOOKED | {"service_now": False}), 0, 600, 96)) == []


def test_battery_after_mains_is_told_and_low_battery_is_told_apart() -> None:
    node, low = Watched(on_battery, {}), Watched(battery_low, {})
    assert names(node.say(0, "", power_source="battery")) == NOTHING, "it may be a mast that has no mains"
    node.say(10, "", power_source="mains")
    assert names(node.say(20, "", power_source="battery", battery_pct=90.0)) == (["on_battery"], [])
    assert names(node.say(30, "", power_source="battery")) == NOTHING
    assert names(node.say(40, "", power_source="generator")) == ([], ["on_battery"])
    assert names(low.say(0, "", power_source="battery", battery_remaining_s=1799)) == (["battery_low"], [])
    assert names(low.say(10, "", power_source="battery", battery_remaining_s=2000)) == NOTHING
    assert names(low.say(20, "", power_source="mains", battery_remaining_s=2000)) == ([], ["battery_low"])
    assert names(low.say(30, "", power_source="mains", battery_remaining_s=10)) == NOTHING


def test_light_below_the_modules_own_threshold_is_told_with_hysteresis() -> None:
    node = Watched(optical_low, {})
    assert names(node.say(0, optical_rx_dbm=-30.0)) == NOTHING, "no threshold is known"
    assert names(node.say(10, optical_rx_dbm=-17.0, rx_warn_low_dbm=-18.0)) == NOTHING
    assert names(node.say(20, optical_rx_dbm=-18.1)) == (["optical_low"], [])
    assert names(node.say(30, optical_rx_dbm=-17.5)) == NOTHING
    assert names(node.say(40, in_octets=1)) == NOTHING
    assert names(node.say(50, optical_rx_dbm=-16.9)) == ([], ["optical_low"])
    assert names(node.say(60, rx_los=True)) == (["optical_low"], [])


@pytest.mark.parametrize("told", ["10 s", True, 1e308, 10**400, -1])
def test_an_interval_that_cannot_be_one_stops_no_rule(told: Any) -> None:
    link = Watched(link_saturated, BOOKED, attributes={"reporting_interval_s": told})
    for second in (0, 10, 20):
        assert not link.say(second, in_octets=second, out_octets=second, boot_id="b").raised
