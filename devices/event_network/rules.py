"""Rules of the event network. What they know of the event is `facts.Facts`."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from devices.alarms import AlarmCleared, AlarmRaised
from devices.event_network.booking_breaches import SATURATED
from devices.event_network.city_event import DownIs
from devices.event_network.enums import TrafficDirection
from devices.event_network.rates import CounterReading, RateQuality, RateStep, counter_readings, rate_step
from devices.event_network.rule_facts import PartFacts, interface_of
from devices.event_network.state import applied_profile
from devices.generic_rules import login_refused, quota_exceeded
from devices.kind import interval_s
from devices.messages import EventSeverity
from devices.rules import DeviceView, LatestObservation, Rule, RuleContext, RuleOutcome, RuleState
from devices.time_us import MINUTE_US

DOWN: Final = frozenset({"DOWN", "LOWER_LAYER_DOWN", "NOT_PRESENT"})
SATURATED_FOR_US: Final = 5 * MINUTE_US
RELAXED: Final = 0.92
"""Saturation ends below 92 %, three points under its beginning."""
INTERVAL_S: Final = 10.0
LEFT_S: Final = 30 * 60


def link_down(view: DeviceView, context: RuleContext, state: RuleState) -> RuleOutcome:
    """A link that was up is down: in service time, or at a node that serves no event; set-up is no alarm."""
    watched = bool(context.facts.get("service_now")) or not context.facts.get("in_event")
    new: dict[str, Any] = {}
    raised: list[AlarmRaised] = []
    cleared: list[AlarmCleared] = []
    for part, seen in view.telemetry.items():
        known = state.get(part, {})
        status = seen.values.get("oper_status")
        was_up = known.get("was_up", False) or status == "UP"
        if status in DOWN and was_up:
            since = known.get("down_since_us") or seen.ts_us
            new[part] = {"was_up": True, "down_since_us": since, "told": watched}
            if watched and not known.get("told"):
                raised.append(AlarmRaised("link_down", since, EventSeverity.MAJOR, part, {"oper_status": str(status)}))
            elif known.get("told") and not watched:
                cleared.append(AlarmCleared("link_down", context.now_us, part))
        elif status == "UP":
            new[part] = {"was_up": True}
            if known.get("told"):
                cleared.append(AlarmCleared("link_down", seen.ts_us, part))
        elif known:
            new[part] = known
    return RuleOutcome(new, tuple(raised), tuple(cleared))


def link_saturated(view: DeviceView, context: RuleContext, state: RuleState) -> RuleOutcome:
    """A link carries 95 % of what is booked or provisioned for five minutes of service time."""
    new = {p: s for p, s in state.items() if p in view.telemetry}
    if not context.facts.get("service_now"):
        over = [p for p, s in new.items() if s.get("told")]
        return RuleOutcome({}, (), tuple(AlarmCleared("link_saturated", context.now_us, p) for p in over))
    seen = view.telemetry.get(context.part)
    known = new.get(context.part, {})
    if context.trigger != "telemetry" or seen is None:
        return RuleOutcome(new)
    shares = list(_shares(known, seen, _limits(view, context), _interval_s(view)))
    after, raised, cleared = _saturation(known, max(shares, default=None), seen.ts_us, context.part)
    new[context.part] = after | _remembered(known, seen)
    return RuleOutcome(new, raised, cleared)


def _saturation(
    known: Mapping[str, Any], share: float | None, ts_us: int, part: str
) -> tuple[dict[str, Any], tuple[AlarmRaised, ...], tuple[AlarmCleared, ...]]:
    """State and outcome after a share of the limit; an unknown one (gap, restart) neither begins nor ends anything."""
    since, told = known.get("since_us"), bool(known.get("told"))
    if share is None:
        return {"since_us": since, "told": told}, (), ()
    if told:
        over = share < RELAXED
        return (
            {"since_us": None if over else since, "told": not over},
            (),
            ((AlarmCleared("link_saturated", ts_us, part),) if over else ()),
        )
    if share < SATURATED:
        return {"since_us": None, "told": False}, (), ()
    since = since if since is not None else ts_us
    if ts_us - since < SATURATED_FOR_US:
        return {"since_us": since, "told": False}, (), ()
    details = {"share_pct": round(100 * share, 1)}
    return (
        {"since_us": since, "told": True},
        ((AlarmRaised("link_saturated", since, EventSeverity.WARNING, part, details),)),
        (),
    )


def _limits(view: DeviceView, context: RuleContext) -> dict[str, int]:
    """Lower of booked and provisioned rate of the part, in bit/s by direction of the interface; absent is unknown."""
    facts: PartFacts = context.facts.get("parts", {}).get(context.part, {})
    profile = applied_profile(view.state.values if view.state else {})
    found: dict[str, int] = {}
    for direction in TrafficDirection:
        applied = profile.get(f"{facts.get('service_class')}_{direction}_bps")
        known = [bps for bps in (facts.get("booked", {}).get(direction), applied) if bps]
        if known:
            found[interface_of(facts.get("down_is", DownIs.OUT), direction)] = min(known)
    return found


def _shares(
    known: Mapping[str, Any], seen: LatestObservation, limits: Mapping[str, int], interval_s: float
) -> Iterable[float]:
    """Used share of the limit in each direction, from the remembered reading to this one."""
    for direction in ("in", "out"):
        before, now = known.get(direction), _reading(known, seen, direction)
        limit = limits.get(direction) or (now.speed_bps if now else None)
        if before and now and limit and now.ts_us > before["ts_us"]:
            found: RateStep = rate_step(CounterReading(**before), now, interval_s)
            if found.bps is not None and found.quality is not RateQuality.GAP:
                yield found.bps / limit


def _reading(known: Mapping[str, Any], seen: LatestObservation, direction: str) -> CounterReading | None:
    before = known.get(direction) or {}
    carried = {name: before[name] for name in ("speed_bps", "counter_bits") if before.get(name)}
    return next(iter(counter_readings([(seen.ts_us, {**carried, **seen.values})], direction)), None)


def _remembered(known: Mapping[str, Any], seen: LatestObservation) -> dict[str, Any]:
    """Readings to hold the next ones against."""
    kept: dict[str, Any] = {}
    for direction in ("in", "out"):
        now = _reading(known, seen, direction)
        if now:
            kept[direction] = {name: getattr(now, name) for name in CounterReading.__slots__ if name != "peak_bps"}
        elif direction in known:
            kept[direction] = known[direction]
    return kept


def _interval_s(view: DeviceView) -> float:
    return interval_s(INTERVAL_S, view.configured_interval_s, view.attributes.get("reporting_interval_s"))


def on_battery(view: DeviceView, _context: RuleContext, state: RuleState) -> RuleOutcome:
    """A node that ran on mains runs on its battery."""
    seen = view.telemetry.get("")
    source = seen.values.get("power_source") if seen else None
    if seen is None or source is None:
        return RuleOutcome(state)
    if source != "battery":
        return RuleOutcome(
            {"had_mains": True}, (), (AlarmCleared("on_battery", seen.ts_us),) if state.get("told") else ()
        )
    if not state.get("had_mains") or state.get("told"):
        return RuleOutcome(state)
    details = {name: v for name in ("battery_pct", "battery_remaining_s") if (v := seen.values.get(name)) is not None}
    raised = AlarmRaised("on_battery", seen.ts_us, EventSeverity.WARNING, details=details)
    return RuleOutcome({"had_mains": True, "told": True}, (raised,))


def battery_low(view: DeviceView, _context: RuleContext, state: RuleState) -> RuleOutcome:
    """Less than 30 minutes of battery are left while it feeds the node; ends on other power or above 35 minutes."""
    seen = view.telemetry.get("")
    left = seen.values.get("battery_remaining_s") if seen else None
    if seen is None or not isinstance(left, int | float):
        return RuleOutcome(state)
    feeding = seen.values.get("power_source") == "battery"
    if state.get("told"):
        ended = not feeding or left > LEFT_S + 300
        return RuleOutcome({}, (), (AlarmCleared("battery_low", seen.ts_us),)) if ended else RuleOutcome(state)
    if not feeding or left >= LEFT_S:
        return RuleOutcome()
    details = {"battery_remaining_s": float(left)}
    return RuleOutcome(
        {"told": True}, (AlarmRaised("battery_low", seen.ts_us, EventSeverity.CRITICAL, details=details),)
    )


def optical_low(view: DeviceView, _context: RuleContext, state: RuleState) -> RuleOutcome:
    """Received light is below the module's own warning threshold, or gone; ends 1 dB above it."""
    new: dict[str, Any] = {}
    raised: list[AlarmRaised] = []
    cleared: list[AlarmCleared] = []
    for part, seen in view.telemetry.items():
        known = state.get(part, {})
        limit = seen.values.get("rx_warn_low_dbm", known.get("limit"))
        light, dark = seen.values.get("optical_rx_dbm"), seen.values.get("rx_los")
        told = bool(known.get("told"))
        level = float(light) if isinstance(light, int | float) else None
        if dark is True or (level is not None and limit is not None and level < float(limit)):
            if not told:
                raised.append(AlarmRaised("optical_low", seen.ts_us, EventSeverity.WARNING, part, _light(level)))
            told = True
        elif told and level is not None and (limit is None or level >= float(limit) + 1):
            cleared.append(AlarmCleared("optical_low", seen.ts_us, part))
            told = False
        if limit is not None or told:
            new[part] = {"limit": limit, "told": told}
    return RuleOutcome(new, tuple(raised), tuple(cleared))


def _light(level: float | None) -> dict[str, float]:
    return {} if level is None else {"optical_rx_dbm": level}


RULES: Final[tuple[Rule, ...]] = (
    link_down,
    link_saturated,
    on_battery,
    battery_low,
    optical_low,
    login_refused,
    quota_exceeded,
)
