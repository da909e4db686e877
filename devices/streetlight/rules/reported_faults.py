"""Faults that the lamp itself reports in `state.faults`."""

from collections.abc import Sequence
from typing import Final

from devices.alarms import AlarmCleared, AlarmRaised
from devices.messages import EventSeverity
from devices.rules import DeviceView, RuleContext, RuleOutcome, RuleState
from devices.streetlight.events import FAULTS

PREFIX: Final = "reported_"
"""Keeps what the lamp says apart from what our rules find: either may be wrong."""
MAJOR: Final = frozenset({"lamp_failure", "control_gear_failure", "relay_failure", "leakage_detected", "door_open"})


def reported_faults(view: DeviceView, context: RuleContext, state: RuleState) -> RuleOutcome:
    """One alarm `reported_{fault}` for each known fault, while the lamp names it."""
    if view.state is None or context.trigger != "state":
        return RuleOutcome(state)
    said: object = view.state.values.get("faults", ())
    named = {fault for fault in said if fault in FAULTS} if isinstance(said, Sequence) else set()
    at_us = view.state.ts_us
    raised = tuple(
        AlarmRaised(PREFIX + fault, at_us, EventSeverity.MAJOR if fault in MAJOR else EventSeverity.WARNING)
        for fault in sorted(named)
    )
    ended = sorted(set(state.get("open", ())) - named)
    return RuleOutcome({"open": sorted(named)}, raised, tuple(AlarmCleared(PREFIX + fault, at_us) for fault in ended))
