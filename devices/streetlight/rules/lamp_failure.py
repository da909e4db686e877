"""Should be lit, but draws no power."""

from devices.messages import Severity
from devices.rules import Context, DeviceView, Outcome, RuleState
from devices.streetlight.rules.confirming import confirmed
from devices.streetlight.rules.reading import read


def lamp_failure(view: DeviceView, context: Context, state: RuleState) -> Outcome:
    """Asked for light, supplied and talking, but without the power of light in two samples.

    Without supply or communication nobody judges: a dark street is not forty failed lamps. A lamp that is asked for no
    light proves nothing: an open alarm stays open by day.
    """
    reading = read(view, context)
    if reading is None or reading.power_w is None or not reading.supplied or not reading.asked_pct:
        return Outcome(state)
    details = {"command_level_pct": reading.asked_pct, "power_w": reading.power_w}
    return confirmed(
        "lamp_failure",
        reading.sample,
        context,
        state,
        bad=not reading.lit,
        severity=Severity.MAJOR,
        details=details,
    )
