"""Faults that the lamp itself reports in `state.faults`."""

from collections.abc import Sequence
from typing import Final

from devices.alarms import Cleared, Raised
from devices.messages import Severity
from devices.rules import Context, DeviceView, Outcome, RuleState
from devices.streetlight.events import FAULTS

PREFIX: Final = "reported_"
"""Keeps what the lamp says apart from what our rules find: either may be wrong."""
MAJOR: Final = frozenset({"lamp_failure", "control_gear_failure", "relay_failure", "leakage_detected", "door_open"})


def reported_faults(view: DeviceView, context: Context, state: RuleState) -> Outcome:
    """One alarm `reported_{fault}` for each known fault, while the lamp names it."""
    if view.state is None or context.trigger != "state":
        return Outcome(state)
    said: object = view.state.values.get("faults", ())
    named = {fault for fault in said if fault in FAULTS} if isinstance(said, Sequence) else set()
    at_us = view.state.ts_us
    raised = tuple(
        Raised(PREFIX + fault, at_us, Severity.MAJOR if fault in MAJOR else Severity.WARNING) for fault in sorted(named)
    )
    ended = sorted(set(state.get("open", ())) - named)
    return Outcome({"open": sorted(named)}, raised, tuple(Cleared(PREFIX + fault, at_us) for fault in ended))
