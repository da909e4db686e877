"""Which alarms a drone raises, and when they end."""

from typing import Any

import pytest

from devices.fire_drone.rules import battery_critical, battery_low, control_link_lost, telemetry_link_lost
from devices.rules import DeviceView, LatestObservation, RuleContext, RuleOutcome
from devices.time_us import SECOND_US

NOW_US = 1_790_000_000 * SECOND_US


def view(status: str = "online", state: dict[str, Any] | None = None, **values: Any) -> DeviceView:
    telemetry = {"": LatestObservation(NOW_US, NOW_US, values)}
    said = None if state is None else LatestObservation(NOW_US, NOW_US, state)
    return DeviceView("fritz", "fire_drone", "kl", status, 0, NOW_US, said, None, telemetry, {})


def after(seconds: float = 0, trigger: str = "telemetry") -> RuleContext:
    return RuleContext(now_us=NOW_US + round(seconds * SECOND_US), trigger=trigger)


def said(outcome: RuleOutcome) -> str:
    if outcome.raised:
        return "raised"
    return "cleared" if outcome.cleared else "as it was"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"battery_pct": 31.0}, "cleared"),
        ({"battery_pct": 30.0}, "as it was"),
        ({"battery_pct": 26.0}, "as it was"),
        ({"battery_pct": 25.0}, "raised"),
        ({"battery_pct": 44.0, "battery_rth_pct": 40.0}, "raised"),
        ({"battery_pct": 46.0, "battery_rth_pct": 40.0}, "as it was"),
        ({}, "as it was"),
    ],
)
def test_low_at_25_percent_or_what_the_way_home_needs_and_a_reserve(values: dict[str, Any], expected: str) -> None:
    assert said(battery_low(view(**values), after(), {})) == expected


def test_the_drones_own_threshold_counts() -> None:
    assert said(battery_low(view(state={"battery_low_pct": 40.0}, battery_pct=39.0), after(), {})) == "raised"
    assert said(battery_critical(view(state={"battery_critical_pct": 20.0}, battery_pct=19.0), after(), {})) == "raised"


@pytest.mark.parametrize(("charge", "expected"), [(15.1, "cleared"), (11.0, "as it was"), (10.0, "raised")])
def test_critical_at_10_percent(charge: float, expected: str) -> None:
    assert said(battery_critical(view(battery_pct=charge), after(), {})) == expected


@pytest.mark.parametrize(
    ("values", "seconds", "expected"),
    [
        ({"flight_state": "airborne"}, 15, "cleared"),
        ({"flight_state": "airborne"}, 15.1, "raised"),
        ({"flight_state": "on_ground", "armed": True}, 60, "cleared"),
        ({"armed": True}, 60, "raised"),
        ({"armed": False}, 60, "cleared"),
    ],
)
def test_the_telemetry_link_is_lost_in_flight_only(values: dict[str, Any], seconds: float, expected: str) -> None:
    assert said(telemetry_link_lost(view(**values), after(seconds, "clock"), {})) == expected


def test_the_last_will_of_a_flying_drone_is_a_lost_link_at_once() -> None:
    assert said(telemetry_link_lost(view("offline", flight_state="airborne"), after(1, "status"), {})) == "raised"


def test_the_control_link_is_lost_when_the_drone_says_so() -> None:
    flying = view(flight_state="airborne")
    assert said(control_link_lost(flying, after(trigger="event_control_link_lost"), {})) == "raised"
    assert said(control_link_lost(flying, after(trigger="event_control_link_restored"), {})) == "cleared"
    assert said(control_link_lost(flying, after(), {})) == "as it was"


@pytest.mark.parametrize(("link", "expected"), [(0.0, "raised"), (5.0, "as it was"), (10.0, "cleared")])
def test_a_control_link_of_nothing_is_lost(link: float, expected: str) -> None:
    assert said(control_link_lost(view(flight_state="airborne", control_link_pct=link), after(), {})) == expected


def test_a_drone_that_never_spoke_raises_nothing() -> None:
    silent = DeviceView("fritz", "fire_drone", "kl", "unknown", 0, 0, None, None, {}, {})
    for rule in (battery_low, battery_critical, telemetry_link_lost, control_link_lost):
        assert said(rule(silent, after(60, "clock"), {})) == "as it was"
