"""One odd sample is chance, two in a row are a fault."""

from collections.abc import Mapping

from devices.alarms import Cleared, Raised
from devices.messages import Severity
from devices.rules import Context, Observation, Outcome, RuleState
from devices.samples import Value


def confirmed(
    name: str,
    sample: Observation,
    context: Context,
    state: RuleState,
    *,
    bad: bool | None,
    severity: Severity = Severity.WARNING,
    details: Mapping[str, Value] | None = None,
    samples: int = 2,
) -> Outcome:
    """Raise after so many bad samples in a row, clear with the first good one; `bad` None changes nothing.

    The state holds by part how many bad samples came and when the first and the last were taken; of a lamp in order it
    holds nothing, so that it need not be written.
    """
    before = state.get(context.part, {})
    if bad is None or sample.ts_us <= before.get("last_us", -1):
        return Outcome(state)
    if not bad:
        rest = {part: counted for part, counted in state.items() if part != context.part}
        return Outcome(rest, cleared=(Cleared(name, sample.ts_us, context.part),))
    count = before.get("bad", 0) + 1
    since_us = before.get("since_us", sample.ts_us)
    after = {**state, context.part: {"last_us": sample.ts_us, "bad": min(count, samples), "since_us": since_us}}
    if count < samples:
        return Outcome(after)
    return Outcome(after, raised=(Raised(name, since_us, severity, context.part, details or {}),))
