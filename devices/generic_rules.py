"""Rules for every kind of device: silence, the last will, implausible values, refused logins, exceeded quotas."""

from collections.abc import Mapping
from typing import Final

from devices.alarms import AlarmCleared, AlarmRaised
from devices.kind import KindLimits, interval_s
from devices.messages import AWAY, EventSeverity
from devices.rules import DeviceView, Rule, RuleContext, RuleOutcome, RuleState
from devices.time_us import SECOND_US

DEVICE_SILENT: Final = "device_silent"
DEVICE_OFFLINE: Final = "device_offline"
IMPLAUSIBLE_VALUE: Final = "implausible_value"
QUOTA_EXCEEDED: Final = "quota_exceeded"
LOGIN_REFUSED: Final = "login_refused"
NAMED: Final = 20
"""Devices that one alarm for many names."""
REFUSED_WITHIN_S: Final = 900
REFUSED_MANY: Final = 10
"""A device that lost its login tries again each minute or two; somebody who mistypes a password stops before."""


def silence_rule(limits: KindLimits, severity: EventSeverity = EventSeverity.MAJOR) -> Rule:
    """Build the rule `device_silent`: no message for some reporting intervals from a device that claims to be there."""

    def device_silent(view: DeviceView, context: RuleContext, _state: RuleState) -> RuleOutcome:
        """No message for some reporting intervals, unless asleep, offline, off by day, or behind a lost parent."""
        quiet = is_quiet(view, limits, context.now_us)
        if not quiet or is_excused(view, context) or view.status in {*AWAY, "sleeping"}:
            return RuleOutcome(cleared=(AlarmCleared(DEVICE_SILENT, context.now_us),))
        silent_us, allowed_us = context.now_us - view.last_seen_us, _allowed_us(view, limits)
        details = {"silent_s": silent_us / SECOND_US, "allowed_s": allowed_us / SECOND_US, **_unheard(context)}
        return RuleOutcome(raised=(AlarmRaised(DEVICE_SILENT, view.last_seen_us, severity, details=details),))

    return device_silent


def device_offline(view: DeviceView, context: RuleContext, _state: RuleState) -> RuleOutcome:
    """The broker published the device's last will, the device said goodbye, or who speaks for it is lost."""
    if view.status not in AWAY or is_excused(view, context):
        return RuleOutcome(cleared=(AlarmCleared(DEVICE_OFFLINE, context.now_us),))
    return RuleOutcome(
        raised=(AlarmRaised(DEVICE_OFFLINE, view.status_since_us, EventSeverity.MAJOR, details=_unheard(context)),)
    )


def _unheard(context: RuleContext) -> Mapping[str, int | str]:
    """The devices that one alarm stands for."""
    if not context.unheard:
        return {}
    more = ", …" if len(context.unheard) > NAMED else ""
    return {"unreachable": len(context.unheard), "devices": ", ".join(context.unheard[:NAMED]) + more}


def implausible_value(view: DeviceView, context: RuleContext, state: RuleState) -> RuleOutcome:
    """The newest sample of a part holds a possible but implausible value; it is stored, and somebody must look."""
    sample = view.telemetry.get(context.part)
    if context.trigger != "telemetry" or sample is None:
        return RuleOutcome(state=state)
    if not sample.suspect:
        return RuleOutcome(cleared=(AlarmCleared(IMPLAUSIBLE_VALUE, sample.ts_us, context.part),))
    return RuleOutcome(
        raised=(AlarmRaised(IMPLAUSIBLE_VALUE, sample.ts_us, EventSeverity.MAJOR, context.part, dict(sample.values)),)
    )


def login_refused(_view: DeviceView, context: RuleContext, state: RuleState) -> RuleOutcome:
    """Brokers refused its login, or what it wanted, again and again; ends when they did not for a while."""
    if context.trigger != "clock":
        return RuleOutcome(state=state)
    if context.refused == 0:
        return RuleOutcome(cleared=(AlarmCleared(LOGIN_REFUSED, context.now_us),))
    if context.refused < REFUSED_MANY:
        return RuleOutcome()
    details = {"refused": context.refused, "within_s": REFUSED_WITHIN_S}
    return RuleOutcome(raised=(AlarmRaised(LOGIN_REFUSED, context.now_us, EventSeverity.MAJOR, details=details),))


def quota_exceeded(_view: DeviceView, context: RuleContext, state: RuleState) -> RuleOutcome:
    """It said so much that it was kept out for a time; ends when it has kept within its quota for a while."""
    if context.trigger != "clock":
        return RuleOutcome(state=state)
    if context.over_quota == 0:
        return RuleOutcome(cleared=(AlarmCleared(QUOTA_EXCEEDED, context.now_us),))
    details = {"pauses_in_a_row": context.over_quota, "within_s": REFUSED_WITHIN_S}
    return RuleOutcome(raised=(AlarmRaised(QUOTA_EXCEEDED, context.now_us, EventSeverity.MAJOR, details=details),))


def is_quiet(view: DeviceView, limits: KindLimits, now_us: int) -> bool:
    """Tell whether it was not heard for longer than its kind's limit; not what was never heard."""
    return view.last_seen_us > 0 and now_us - view.last_seen_us > _allowed_us(view, limits)


def silent_after_us(view: DeviceView, limits: KindLimits) -> int:
    """When it counts as silent, unless it is heard before."""
    return view.last_seen_us + _allowed_us(view, limits)


def _allowed_us(view: DeviceView, limits: KindLimits) -> int:
    return round(reporting_interval_s(view, limits) * limits.silent_after_intervals * SECOND_US)


def reporting_interval_s(view: DeviceView, limits: KindLimits) -> float:
    """Seconds between two messages: what was configured, else what the asset says, else the kind's default."""
    return interval_s(
        limits.reporting_interval_s, view.configured_interval_s, view.attributes.get("reporting_interval_s")
    )


def is_excused(view: DeviceView, context: RuleContext) -> bool:
    """Nobody expects it to speak: what it is heard through has the alarm, or its circuit is switched off by day."""
    return context.parent_down or (view.attributes.get("circuit_switched") is True and context.sun_up)
