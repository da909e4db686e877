"""Burning by day: wasted energy, often a stuck relay or a controller on its fallback level."""

from devices.rules import DeviceView, RuleContext, RuleOutcome, RuleState
from devices.samples import Value
from devices.streetlight.enums import LevelReason
from devices.streetlight.rules.confirmation import confirm_alarm
from devices.streetlight.rules.lamp_sample import LampSample, new_lamp_sample

NOBODY_ASKED = frozenset({LevelReason.FALLBACK.value, LevelReason.DEFAULT.value})
"""Reasons that stand for the lack of a plan."""


def lamp_unexpectedly_on(view: DeviceView, context: RuleContext, state: RuleState) -> RuleOutcome:
    """Lit while the sun is up and nothing asks for light: no plan and no override."""
    reading = new_lamp_sample(view, context)
    if reading is None or reading.lit is None:
        return RuleOutcome(state)
    burning = reading.lit and context.sun_up
    if burning and reading.asked_pct is None:
        return RuleOutcome(state)
    details: dict[str, Value] = {} if reading.power_w is None else {"power_w": reading.power_w}
    return confirm_alarm(
        "lamp_unexpectedly_on",
        reading.sample,
        context,
        state,
        bad=burning and not _asked_for(view, reading),
        details=details,
    )


def _asked_for(view: DeviceView, reading: LampSample) -> bool:
    reason = None if view.state is None else view.state.values.get("command_reason")
    return bool(reading.asked_pct) and reason not in NOBODY_ASKED
