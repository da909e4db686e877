"""A lamp that goes on and off again and again: end of life, or a loose contact."""

from devices.alarms import Cleared, Raised
from devices.instants import HOUR_US
from devices.messages import Severity
from devices.rules import Context, DeviceView, Outcome, RuleState
from devices.streetlight.rules.reading import limit, number, read

MOST_PER_HOUR = 60.0
"""Following light switches a few dozen times in a busy hour."""


def cycling_failure(view: DeviceView, context: Context, state: RuleState) -> Outcome:
    """`switch_on_count` rises faster than the asset's `switch_on_max_per_h`, measured over an hour."""
    reading = read(view, context)
    count = None if reading is None else number(reading.sample, "switch_on_count")
    if reading is None or count is None:
        return Outcome(state)
    at_us = reading.sample.ts_us
    window = state.get(context.part)
    start = {**state, context.part: {"from_us": at_us, "count": count}}
    if window is None or count < window["count"] or at_us < window["from_us"]:
        return Outcome(start)
    risen, most = count - window["count"], limit(view, "switch_on_max_per_h", MOST_PER_HOUR) or MOST_PER_HOUR
    if risen > most and at_us - window["from_us"] <= HOUR_US:
        details = {"switched_on": risen, "limit": most}
        alarm = Raised("cycling_failure", window["from_us"], Severity.WARNING, context.part, details)
        return Outcome(state, raised=(alarm,))
    if at_us - window["from_us"] < HOUR_US:
        return Outcome(state)
    cleared = () if risen > most else (Cleared("cycling_failure", at_us, context.part),)
    return Outcome(start, cleared=cleared)
