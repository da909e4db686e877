"""Power against the level: limits at 10 % and at 100 %, straight between them (uCIFI 3418/10-14, 31-34)."""

from devices.rules import DeviceView, RuleContext, RuleOutcome, RuleState
from devices.streetlight.rules.confirmation import confirm_alarm
from devices.streetlight.rules.lamp_sample import LampSample, asset_limit, new_lamp_sample

LOW_AT_10, LOW_AT_100 = 0.07, 0.75
HIGH_AT_10, HIGH_AT_100 = 0.20, 1.30
"""Default limits as shares of `rated_power_w`, as a 64 W lamp in service has them (4.5-12.6 W, 48-83 W)."""


def lamp_power_too_high(view: DeviceView, context: RuleContext, state: RuleState) -> RuleOutcome:
    """More power than the level explains; needs `rated_power_w` or `power_high_at_10_w`, `power_high_at_100_w`."""
    reading = new_lamp_sample(view, context)
    if reading is None or reading.power_w is None or reading.level_pct is None:
        return RuleOutcome(state)
    limit_w = _limit_w(view, reading, "high", HIGH_AT_10, HIGH_AT_100)
    if limit_w is None:
        return RuleOutcome(state)
    return confirm_alarm(
        "lamp_power_too_high",
        reading.sample,
        context,
        state,
        bad=reading.power_w > limit_w,
        details=_details(reading, limit_w),
    )


def lamp_power_too_low(view: DeviceView, context: RuleContext, state: RuleState) -> RuleOutcome:
    """Less power than the level needs, but some: none at all is a lamp failure."""
    reading = new_lamp_sample(view, context)
    if reading is None or reading.power_w is None or not reading.level_pct or not reading.lit:
        return RuleOutcome(state)
    limit_w = _limit_w(view, reading, "low", LOW_AT_10, LOW_AT_100)
    if limit_w is None:
        return RuleOutcome(state)
    return confirm_alarm(
        "lamp_power_too_low",
        reading.sample,
        context,
        state,
        bad=reading.power_w < limit_w,
        details=_details(reading, limit_w),
    )


def _limit_w(view: DeviceView, reading: LampSample, side: str, share_10: float, share_100: float) -> float | None:
    rated_w = reading.rated_power_w
    at_10 = asset_limit(view, f"power_{side}_at_10_w", None if rated_w is None else rated_w * share_10)
    at_100 = asset_limit(view, f"power_{side}_at_100_w", None if rated_w is None else rated_w * share_100)
    if at_10 is None or at_100 is None or reading.level_pct is None:
        return None
    return power_limit(reading.level_pct, at_10, at_100)


def power_limit(level_pct: float, at_10: float, at_100: float) -> float:
    """The limit at a level, on the line through those at 10 % and 100 %; below 10 % that of 10 %."""
    return at_10 + (at_100 - at_10) * (max(level_pct, 10.0) - 10.0) / 90.0


def _details(reading: LampSample, limit_w: float) -> dict[str, float]:
    return {"level_pct": reading.level_pct or 0.0, "power_w": reading.power_w or 0.0, "limit_w": round(limit_w, 1)}
