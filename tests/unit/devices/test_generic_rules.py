"""Silence, last will and implausible values, for every kind."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.generic_rules import (
    REFUSED_MANY,
    device_offline,
    implausible_value,
    login_refused,
    quota_exceeded,
    silence_rule,
)
from devices.kind import KindLimits
from tests.unit.devices.views import MINUTE_US, NOW_US, context, view

device_silent = silence_rule(KindLimits(reporting_interval_s=60))


def names(outcome: Any) -> tuple[list[str], list[str]]:
    return [r.name for r in outcome.raised], [c.name for c in outcome.cleared]


@pytest.mark.parametrize(
    ("quiet_min", "status", "attributes", "more", "raised"),
    [
        (2.9, "online", {}, {}, False),
        (3.1, "online", {}, {}, True),
        (3.1, "unknown", {}, {}, True),
        (3.1, "sleeping", {}, {}, False),
        (3.1, "offline", {}, {}, False),
        (3.1, "online", {}, {"parent_down": True}, False),
        (3.1, "online", {"circuit_switched": True}, {"sun_up": True}, False),
        (3.1, "online", {"circuit_switched": True}, {"sun_up": False}, True),
        (3.1, "online", {"circuit_switched": False}, {"sun_up": True}, True),
        (3.1, "online", {"reporting_interval_s": 900}, {}, False),
        (46, "online", {"reporting_interval_s": 900}, {}, True),
        (3.1, "online", {"reporting_interval_s": "often"}, {}, True),
        (3.1, "online", {"reporting_interval_s": True}, {}, True),
        (3.1, "online", {"reporting_interval_s": 1e308}, {}, True),
        (3.1, "online", {"reporting_interval_s": 10**400}, {}, True),
    ],
)
def test_silence_alarms_after_three_intervals_unless_excused(
    quiet_min: float, status: str, attributes: dict[str, Any], more: dict[str, Any], *, raised: bool
) -> None:
    now = NOW_US + round(quiet_min * MINUTE_US)
    outcome = device_silent(view(status=status, attributes=attributes), context(now, "clock", **more), {})
    assert names(outcome) == ((["device_silent"], []) if raised else ([], ["device_silent"]))


@pytest.mark.parametrize(("quiet_min", "raised"), [(3.1, False), (179, False), (181, True)])
def test_a_configured_interval_goes_before_the_assets(quiet_min: float, *, raised: bool) -> None:
    configured = replace(view(attributes={"reporting_interval_s": 60}), configured_interval_s=3600)
    outcome = device_silent(configured, context(NOW_US + round(quiet_min * MINUTE_US), "clock"), {})
    assert bool(outcome.raised) is raised


def test_a_device_that_never_spoke_is_not_silent() -> None:
    assert not device_silent(view(at_us=0), context(NOW_US, "clock"), {}).raised


def test_the_silence_began_with_the_last_message() -> None:
    alarm = device_silent(view(), context(NOW_US + 10 * MINUTE_US, "clock"), {}).raised[0]
    assert (alarm.since_us, alarm.details) == (NOW_US, {"silent_s": 600.0, "allowed_s": 180.0})


@pytest.mark.parametrize(
    ("status", "attributes", "more", "raised"),
    [
        ("offline", {}, {}, True),
        ("online", {}, {}, False),
        ("sleeping", {}, {}, False),
        ("offline", {}, {"parent_down": True}, False),
        ("offline", {"circuit_switched": True}, {"sun_up": True}, False),
    ],
)
def test_the_last_will_alarms_unless_excused(
    status: str, attributes: dict[str, Any], more: dict[str, Any], *, raised: bool
) -> None:
    outcome = device_offline(view(status=status, attributes=attributes), context(trigger="status", **more), {})
    assert bool(outcome.raised) is raised
    assert bool(outcome.cleared) is not raised


@given(part=st.sampled_from(["", "port1"]), suspect=st.booleans())
def test_a_suspect_sample_alarms_for_its_part_and_the_next_good_one_clears(part: str, *, suspect: bool) -> None:
    seen = view({"voltage_v": 290.0}, suspect=suspect, part=part)
    outcome = implausible_value(seen, context(part=part), {})
    assert [(r.name, r.part) for r in outcome.raised] == ([("implausible_value", part)] if suspect else [])
    assert [(c.name, c.part) for c in outcome.cleared] == ([] if suspect else [("implausible_value", part)])


def test_the_clock_says_nothing_about_values() -> None:
    outcome = implausible_value(view({"voltage_v": 290.0}, suspect=True), context(trigger="clock"), {})
    assert not outcome.raised
    assert not outcome.cleared


@pytest.mark.parametrize(
    ("refused", "raised", "cleared"), [(0, 0, 1), (1, 0, 0), (REFUSED_MANY - 1, 0, 0), (REFUSED_MANY, 1, 0)]
)
def test_a_login_refused_again_and_again_is_an_alarm_until_it_is_quiet(refused: int, raised: int, cleared: int) -> None:
    outcome = login_refused(view(), context(trigger="clock", refused=refused), {})
    assert (len(outcome.raised), len(outcome.cleared)) == (raised, cleared)
    assert names(login_refused(view(), context(trigger="telemetry", refused=0), {})) == ([], [])


@pytest.mark.parametrize(("over_quota", "raised", "cleared"), [(0, 0, 1), (1, 1, 0), (7, 1, 0)])
def test_a_device_that_was_kept_out_for_saying_too_much_is_an_alarm(over_quota: int, raised: int, cleared: int) -> None:
    outcome = quota_exceeded(view(), context(trigger="clock", over_quota=over_quota), {})
    assert (len(outcome.raised), len(outcome.cleared)) == (raised, cleared)
    assert names(quota_exceeded(view(), context(trigger="telemetry", over_quota=0), {})) == ([], [])
