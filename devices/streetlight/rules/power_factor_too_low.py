"""Power factor too low for a lamp that burns bright enough to have one."""

from devices.rules import DeviceView, RuleContext, RuleOutcome, RuleState
from devices.streetlight.rules.confirmation import confirm_alarm
from devices.streetlight.rules.lamp_sample import asset_limit, new_lamp_sample, numeric_value

LEAST = 0.5
JUDGED_FROM_PCT = 50.0
"""Dimmed LED gear has a low power factor by nature."""


def power_factor_too_low(view: DeviceView, context: RuleContext, state: RuleState) -> RuleOutcome:
    """Below the asset's `power_factor_min` at half light or more."""
    reading = new_lamp_sample(view, context)
    value = None if reading is None else numeric_value(reading.sample, "power_factor")
    if reading is None or value is None or (reading.level_pct or 0) < JUDGED_FROM_PCT or not reading.lit:
        return RuleOutcome(state)
    least = asset_limit(view, "power_factor_min", LEAST) or LEAST
    details = {"power_factor": value, "limit": least}
    return confirm_alarm(
        "power_factor_too_low", reading.sample, context, state, bad=abs(value) < least, details=details
    )
