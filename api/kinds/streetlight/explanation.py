"""Why a lamp shines as it does, in a sentence."""

from typing import Final

from api.kinds.streetlight.schemas import InForce, PendingCommand, Streetlight
from devices.commands.command import DeliveryState
from devices.messages import AWAY
from devices.streetlight.enums import LevelReason
from devices.time_us import MINUTE_US, from_us, rfc3339

TOLERANCE_PCT: Final = 5.0
STALE_S: Final = 300.0
_WHY: Final = (
    (LevelReason.EMERGENCY, "an emergency command"),
    (LevelReason.MAINTENANCE, "a maintenance command"),
    (LevelReason.OVERRIDE, "an operator's command"),
    (LevelReason.SENSOR, "somebody is passing"),
    (LevelReason.EXCEPTION, "an exception in its calendar"),
    (LevelReason.PROGRAM, "its light program"),
    (LevelReason.DEFAULT, "its default level, as no program applies"),
    (LevelReason.FALLBACK, "its fallback level, as it has no valid clock or program"),
)


def explain_level(lamp: Streetlight) -> str:
    """What is in force and why, until when, what follows, and what is doubtful about it."""
    if lamp.in_force is None or lamp.in_force.level_pct is None:
        return f"{lamp.name} has not said yet what it is set to."
    parts = [_in_force(lamp, lamp.in_force), _then(lamp), _does(lamp), _pending(lamp), _doubt(lamp)]
    return " ".join(part for part in parts if part)


def _in_force(lamp: Streetlight, now: InForce) -> str:
    why = next((text for reason, text in _WHY if reason.value == now.reason), now.reason or "a reason it does not tell")
    command = next((a for a in lamp.asked if a.command_id == now.ref or a.effect == "in_force"), None)
    by = _by(command) if command is not None and now.reason in {"emergency", "maintenance", "override"} else ""
    until = f" until {_clock(now.until)}" if now.until is not None else ""
    return f"{lamp.name} is set to {now.level_pct:g} %{until}: {why}{by}."


def _by(command: PendingCommand) -> str:
    group = f" to the group {command.group_id}" if command.group_id else ""
    reason = f" ({command.reason})" if command.reason else ""
    return f" from {command.issuer}{group}{reason}"


def _then(lamp: Streetlight) -> str:
    if not lamp.override_active or lamp.plan_level_pct is None:
        return ""
    return f"Without it the lamp would be at {lamp.plan_level_pct:g} %."


def _does(lamp: Streetlight) -> str:
    asked = None if lamp.in_force is None else lamp.in_force.level_pct
    if lamp.level_pct is None or asked is None or abs(lamp.level_pct - asked) <= TOLERANCE_PCT:
        return ""
    return f"It says it is at {lamp.level_pct:g} %."


def _pending(lamp: Streetlight) -> str:
    waiting = [a for a in lamp.asked if a.effect == "pending"]
    if not waiting:
        return ""
    newest = waiting[0]
    level = "a level" if newest.level_pct is None else f"{newest.level_pct:g} %"
    how = "has no answer yet" if newest.delivery is not DeliveryState.UNKNOWN else "was never answered"
    return f"A command for {level} from {newest.issuer} {how}."


def _doubt(lamp: Streetlight) -> str:
    if lamp.status in AWAY:
        since = "" if lamp.status_since is None else f" since {_clock(lamp.status_since)}"
        return f"The lamp is {lamp.status}{since}: this is what it said before."
    if lamp.last_seen_age_s is not None and lamp.last_seen_age_s > STALE_S:
        return f"It was last heard {lamp.last_seen_age_s / 60:.0f} minutes ago."
    return ""


def _clock(instant_us: int) -> str:
    """UTC to the minute."""
    whole = from_us(instant_us - instant_us % MINUTE_US)
    return rfc3339(instant_us - instant_us % MINUTE_US)[:10] + f" {whole:%H:%M} UTC"
