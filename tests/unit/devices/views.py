"""What a rule sees, made short for tables."""

from collections.abc import Mapping
from typing import Any

from devices.rules import DeviceView, LatestObservation, RuleContext

MINUTE_US = 60_000_000
NOW_US = 1_790_000_000_000_000


def seen(values: Mapping[str, Any], at_us: int = NOW_US, *, suspect: bool = False) -> LatestObservation:
    return LatestObservation(at_us, at_us, values, suspect)


def view(
    telemetry: Mapping[str, Any] | None = None,
    *,
    state: Mapping[str, Any] | None = None,
    at_us: int = NOW_US,
    state_us: int | None = None,
    status: str = "online",
    attributes: Mapping[str, Any] | None = None,
    suspect: bool = False,
    part: str = "",
) -> DeviceView:
    return DeviceView(
        asset_id="L01",
        kind="streetlight",
        tenant_id="kl",
        status=status,
        status_since_us=at_us - 60 * MINUTE_US,
        last_seen_us=at_us,
        state=None if state is None else seen(state, at_us - MINUTE_US if state_us is None else state_us),
        info=None,
        telemetry={} if telemetry is None else {part: seen(telemetry, at_us, suspect=suspect)},
        attributes=attributes or {},
    )


def context(now_us: int = NOW_US, trigger: str = "telemetry", **more: Any) -> RuleContext:
    return RuleContext(now_us=now_us, trigger=trigger, **more)
