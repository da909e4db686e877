"""A lamp that goes on and off again and again: end of life, or a loose contact."""

from devices.alarms import AlarmCleared, AlarmRaised
from devices.messages import EventSeverity
from devices.rules import DeviceView, RuleContext, RuleOutcome, RuleState
from devices.streetlight.rules.lamp_sample import asset_limit, new_lamp_sample, numeric_value
from devices.time_us import HOUR_US

MOST_PER_HOUR = 60.0
"""Following light switches a few dozen times in a busy hour."""


def cycling_failure(view: DeviceView, context: RuleContext, state: RuleState) -> RuleOutcome:
    """`switch_on_count` rises faster than the asset's `switch_on_max_per_h`, measured over an hour."""
    reading = new_lamp_sample(view, context)
    count = None if reading is None else numeric_value(reading.sample, "switch_on_count")
    if reading is None or count is None:
        return RuleOutcome(state)
    at_us = reading.sample.ts_us
    window = state.get(context.part)
    start = {**state, context.part: {"from_us": at_us, "count": count}}
    if window is None or count < window["count"] or at_us < window["from_us"]:
        return RuleOutcome(start)
    risen, most = count - window["count"], asset_limit(view, "switch_on_max_per_h", MOST_PER_HOUR) or MOST_PER_HOUR
    if risen > most and at_us - window["from_us"] <= HOUR_US:
        details = {"switched_on": risen, "limit": most}
        alarm = AlarmRaised("cycling_failure", window["from_us"], EventSeverity.WARNING, context.part, details)
        return RuleOutcome(state, raised=(alarm,))
    if at_us - window["from_us"] < HOUR_US:
        return RuleOutcome(state)
    cleared = () if risen > most else (AlarmCleared("cycling_failure", at_us, context.part),)
    return RuleOutcome(start, cleared=cleared)
