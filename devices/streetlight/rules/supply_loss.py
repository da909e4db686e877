"""The lamp's controller lives, its mains does not."""

from devices.generic_rules import is_excused
from devices.messages import EventSeverity
from devices.rules import DeviceView, RuleContext, RuleOutcome, RuleState
from devices.streetlight.rules.confirmation import confirm_alarm
from devices.streetlight.rules.lamp_sample import new_lamp_sample, numeric_value


def supply_loss(view: DeviceView, context: RuleContext, state: RuleState) -> RuleOutcome:
    """Below 50 V in one sample; not by day where the circuit is switched off then."""
    reading = new_lamp_sample(view, context)
    if reading is None or numeric_value(reading.sample, "voltage_v") is None:
        return RuleOutcome(state)
    bad = not reading.supplied and not is_excused(view, context)
    return confirm_alarm(
        "supply_loss", reading.sample, context, state, bad=bad, severity=EventSeverity.MAJOR, samples=1
    )
