"""One odd sample is chance, two in a row are a fault."""

from collections.abc import Mapping

from devices.alarms import AlarmCleared, AlarmRaised
from devices.messages import EventSeverity
from devices.rules import LatestObservation, RuleContext, RuleOutcome, RuleState
from devices.samples import Value


def confirm_alarm(
    name: str,
    sample: LatestObservation,
    context: RuleContext,
    state: RuleState,
    *,
    bad: bool | None,
    severity: EventSeverity = EventSeverity.WARNING,
    details: Mapping[str, Value] | None = None,
    samples: int = 2,
) -> RuleOutcome:
    """Raise after so many bad samples in a row, clear with the first good one; `bad` None changes nothing.

    The state holds by part how many bad samples came and when the first and the last were taken; of a lamp in order it
    holds nothing, so that it need not be written.
    """
    before = state.get(context.part, {})
    if bad is None or sample.ts_us <= before.get("last_us", -1):
        return RuleOutcome(state)
    if not bad:
        rest = {part: counted for part, counted in state.items() if part != context.part}
        return RuleOutcome(rest, cleared=(AlarmCleared(name, sample.ts_us, context.part),))
    count = before.get("bad", 0) + 1
    since_us = before.get("since_us", sample.ts_us)
    after = {**state, context.part: {"last_us": sample.ts_us, "bad": min(count, samples), "since_us": since_us}}
    if count < samples:
        return RuleOutcome(after)
    return RuleOutcome(after, raised=(AlarmRaised(name, since_us, severity, context.part, details or {}),))
