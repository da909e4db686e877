"""Should be lit, but draws no power."""

from devices.messages import EventSeverity
from devices.rules import DeviceView, RuleContext, RuleOutcome, RuleState
from devices.streetlight.rules.confirmation import confirm_alarm
from devices.streetlight.rules.lamp_sample import new_lamp_sample


def lamp_failure(view: DeviceView, context: RuleContext, state: RuleState) -> RuleOutcome:
    """Asked for light, supplied and talking, but without the power of light in two samples.

    Without supply or communication nobody judges: a dark street is not forty failed lamps. A lamp that is asked for no
    light proves nothing: an open alarm stays open by day.
    """
    reading = new_lamp_sample(view, context)
    if reading is None or reading.power_w is None or not reading.supplied or not reading.asked_pct:
        return RuleOutcome(state)
    details = {"command_level_pct": reading.asked_pct, "power_w": reading.power_w}
    return confirm_alarm(
        "lamp_failure",
        reading.sample,
        context,
        state,
        bad=not reading.lit,
        severity=EventSeverity.MAJOR,
        details=details,
    )
