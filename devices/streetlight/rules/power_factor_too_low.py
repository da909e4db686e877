"""Power factor too low for a lamp that burns bright enough to have one."""

from devices.rules import Context, DeviceView, Outcome, RuleState
from devices.streetlight.rules.confirming import confirmed
from devices.streetlight.rules.reading import limit, number, read

LEAST = 0.5
JUDGED_FROM_PCT = 50.0
"""Dimmed LED gear has a low power factor by nature."""


def power_factor_too_low(view: DeviceView, context: Context, state: RuleState) -> Outcome:
    """Below the asset's `power_factor_min` at half light or more."""
    reading = read(view, context)
    value = None if reading is None else number(reading.sample, "power_factor")
    if reading is None or value is None or (reading.level_pct or 0) < JUDGED_FROM_PCT or not reading.lit:
        return Outcome(state)
    least = limit(view, "power_factor_min", LEAST) or LEAST
    details = {"power_factor": value, "limit": least}
    return confirmed("power_factor_too_low", reading.sample, context, state, bad=abs(value) < least, details=details)
