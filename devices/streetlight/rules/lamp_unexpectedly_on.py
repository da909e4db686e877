"""Burning by day: wasted energy, often a stuck relay or a controller on its fallback level."""

from devices.rules import Context, DeviceView, Outcome, RuleState
from devices.samples import Value
from devices.streetlight.light import Reason
from devices.streetlight.rules.confirming import confirmed
from devices.streetlight.rules.reading import Reading, read

NOBODY_ASKED = frozenset({Reason.FALLBACK.value, Reason.DEFAULT.value})
"""Reasons that stand for the lack of a plan."""


def lamp_unexpectedly_on(view: DeviceView, context: Context, state: RuleState) -> Outcome:
    """Lit while the sun is up and nothing asks for light: no plan and no override."""
    reading = read(view, context)
    if reading is None or reading.lit is None:
        return Outcome(state)
    burning = reading.lit and context.sun_up
    if burning and reading.asked_pct is None:
        return Outcome(state)
    details: dict[str, Value] = {} if reading.power_w is None else {"power_w": reading.power_w}
    return confirmed(
        "lamp_unexpectedly_on",
        reading.sample,
        context,
        state,
        bad=burning and not _asked_for(view, reading),
        details=details,
    )


def _asked_for(view: DeviceView, reading: Reading) -> bool:
    reason = None if view.state is None else view.state.values.get("command_reason")
    return bool(reading.asked_pct) and reason not in NOBODY_ASKED
