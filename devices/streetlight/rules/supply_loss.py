"""The lamp's controller lives, its mains does not."""

from devices.generic_rules import excused
from devices.messages import Severity
from devices.rules import Context, DeviceView, Outcome, RuleState
from devices.streetlight.rules.confirming import confirmed
from devices.streetlight.rules.reading import number, read


def supply_loss(view: DeviceView, context: Context, state: RuleState) -> Outcome:
    """Below 50 V in one sample; not by day where the circuit is switched off then."""
    reading = read(view, context)
    if reading is None or number(reading.sample, "voltage_v") is None:
        return Outcome(state)
    bad = not reading.supplied and not excused(view, context)
    return confirmed("supply_loss", reading.sample, context, state, bad=bad, severity=Severity.MAJOR, samples=1)
