"""What raises an alarm about a drone. Each threshold has a wider one for its end, so that it does not flutter."""

from typing import Any, Final

from devices.alarms import AlarmCleared, AlarmRaised
from devices.fire_drone.enums import FlightState
from devices.fire_drone.limits import LIMITS
from devices.generic_rules import implausible_value, login_refused, quota_exceeded, silence_rule
from devices.messages import AWAY, EventSeverity
from devices.rules import DeviceView, LatestObservation, Rule, RuleContext, RuleOutcome, RuleState
from devices.time_us import SECOND_US

BATTERY_LOW: Final = "battery_low"
BATTERY_CRITICAL: Final = "battery_critical"
TELEMETRY_LINK_LOST: Final = "telemetry_link_lost"
CONTROL_LINK_LOST: Final = "control_link_lost"

LOW_PCT: Final = 25.0
CRITICAL_PCT: Final = 10.0
RTH_RESERVE_PCT: Final = 5.0
"""Charge above what the way home needs, so that the warning comes before the drone turns round."""
RECOVERY_PCT: Final = 5.0
LINK_LOST_S: Final = 15.0
CONTROL_BACK_PCT: Final = 10.0
_FLYING: Final = frozenset({FlightState.TAKING_OFF, FlightState.AIRBORNE, FlightState.LANDING, FlightState.EMERGENCY})


def battery_low(view: DeviceView, _context: RuleContext, state: RuleState) -> RuleOutcome:
    """At or below 25 %, the drone's own threshold, or what the way home needs plus 5 points."""
    sample = _main(view)
    if sample is None:
        return RuleOutcome(state=state)
    needed = _number(sample.values, "battery_rth_pct")
    low = _number(view.state.values if view.state else {}, "battery_low_pct")
    limit = max(LOW_PCT if low is None else low, 0 if needed is None else needed + RTH_RESERVE_PCT)
    return _crossed(BATTERY_LOW, EventSeverity.WARNING, sample, limit)


def battery_critical(view: DeviceView, _context: RuleContext, state: RuleState) -> RuleOutcome:
    """At or below 10 %, the drone's own threshold, or the charge at which it lands by itself."""
    sample = _main(view)
    if sample is None:
        return RuleOutcome(state=state)
    landing = _number(sample.values, "battery_land_pct")
    critical = _number(view.state.values if view.state else {}, "battery_critical_pct")
    limit = max(CRITICAL_PCT if critical is None else critical, landing or 0)
    return _crossed(BATTERY_CRITICAL, EventSeverity.CRITICAL, sample, limit)


def telemetry_link_lost(view: DeviceView, context: RuleContext, state: RuleState) -> RuleOutcome:
    """In flight by its last sample, and silent for over 15 s or offline: we do not hear it, its pilot may well."""
    sample = _main(view)
    if sample is None:
        return RuleOutcome(state=state)
    silent_us = context.now_us - sample.received_us
    heard = silent_us <= LINK_LOST_S * SECOND_US and view.status not in AWAY
    if heard or not _flying(sample):
        return RuleOutcome(cleared=(AlarmCleared(TELEMETRY_LINK_LOST, context.now_us),))
    details = {
        key: sample.values[key] for key in ("lat", "lon", "altitude_rel_m", "battery_pct") if key in sample.values
    }
    return RuleOutcome(raised=(AlarmRaised(TELEMETRY_LINK_LOST, sample.ts_us, EventSeverity.MAJOR, details=details),))


def control_link_lost(view: DeviceView, context: RuleContext, state: RuleState) -> RuleOutcome:
    """The drone says that it lost its remote control; over when it says so, or the link is back at 10 %."""
    if context.trigger == "event_control_link_lost":
        return _control_lost(context.now_us)
    if context.trigger == "event_control_link_restored":
        return RuleOutcome(cleared=(AlarmCleared(CONTROL_LINK_LOST, context.now_us),))
    sample = _main(view)
    link = None if sample is None or context.trigger != "telemetry" else _number(sample.values, "control_link_pct")
    if sample is None or link is None or 0 < link < CONTROL_BACK_PCT:
        return RuleOutcome(state=state)
    if link >= CONTROL_BACK_PCT or not _flying(sample):
        return RuleOutcome(cleared=(AlarmCleared(CONTROL_LINK_LOST, sample.ts_us),))
    return _control_lost(sample.ts_us)


def _control_lost(since_us: int) -> RuleOutcome:
    return RuleOutcome(raised=(AlarmRaised(CONTROL_LINK_LOST, since_us, EventSeverity.MAJOR),))


def _crossed(name: str, severity: EventSeverity, sample: LatestObservation, limit_pct: float) -> RuleOutcome:
    charge = _number(sample.values, "battery_pct")
    if charge is None or limit_pct < charge <= limit_pct + RECOVERY_PCT:
        return RuleOutcome()
    if charge > limit_pct:
        return RuleOutcome(cleared=(AlarmCleared(name, sample.ts_us),))
    return RuleOutcome(
        raised=(AlarmRaised(name, sample.ts_us, severity, details={"battery_pct": charge, "limit_pct": limit_pct}),)
    )


def _flying(sample: LatestObservation) -> bool:
    said = sample.values.get("flight_state")
    if said in _FLYING:
        return True
    return said != FlightState.ON_GROUND and sample.values.get("armed") is True


def _main(view: DeviceView) -> LatestObservation | None:
    return view.telemetry.get("")


def _number(values: Any, name: str) -> float | None:  # noqa: ANN401 - a mapping of values
    value = values.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


RULES: Final[tuple[Rule, ...]] = (
    battery_low,
    battery_critical,
    telemetry_link_lost,
    control_link_lost,
    implausible_value,
    silence_rule(LIMITS, EventSeverity.WARNING),
    login_refused,
    quota_exceeded,
)
