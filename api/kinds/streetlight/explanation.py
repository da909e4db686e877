"""Why a lamp shines as it does: as codes, which pages and programs word, and as a sentence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import JsonValue

from api.kinds.streetlight.schemas import InForce, PendingCommand, Reason, Streetlight
from devices.messages import AWAY
from devices.time_us import MINUTE_US, from_rfc3339, from_us, rfc3339
from devices.wording.catalogue import Language, find_text, require_text

TOLERANCE_PCT: Final = 5.0
STALE_S: Final = 180.0
_BY_SOMEBODY: Final = frozenset({"emergency", "maintenance", "override"})
_UNKNOWN: Final = "unknown"


def explain_level(lamp: Streetlight) -> list[Reason]:
    """What is in force and why, until when, what would be without it, and what is doubtful about it."""
    if lamp.in_force is None or lamp.in_force.level_pct is None:
        return [Reason(code=_UNKNOWN), *_pending(lamp), *_doubt(lamp)]
    return [_in_force(lamp, lamp.in_force), *_otherwise(lamp), *_does(lamp), *_pending(lamp), *_doubt(lamp)]


def word_level(name: str, why: Sequence[Reason], language: Language) -> str:
    """The same in words, beginning with the lamp's name."""
    first, *more = [_text(language, part.code, part.params) for part in why]
    whole = "of_lamp_unknown" if why[0].code == _UNKNOWN else "of_lamp"
    return " ".join((require_text(language, f"light.why.{whole}", name=name, what=first), *more))


def _in_force(lamp: Streetlight, now: InForce) -> Reason:
    cause = _coded(f"cause.{now.reason or 'untold'}")
    command = next((a for a in lamp.asked if a.command_id == now.ref or a.effect == "in_force"), None)
    if command is not None and now.reason in _BY_SOMEBODY:
        cause = _by(command, cause)
    params: dict[str, JsonValue] = {"level_pct": now.level_pct, "cause": cause}
    if now.until is None:
        return Reason(code="set", params=params)
    return Reason(code="set_until", params=params | {"until_at": _instant(now.until)})


def _by(command: PendingCommand, cause: JsonValue) -> dict[str, JsonValue]:
    told = {"group": command.group_id, "reason": command.reason}
    given: dict[str, JsonValue] = {name: value for name, value in told.items() if value}
    return _coded("_".join(("from", *given)), cause=cause, issuer=command.issuer, **given)


def _otherwise(lamp: Streetlight) -> Iterator[Reason]:
    if lamp.override_active and lamp.plan_level_pct is not None:
        yield Reason(code="otherwise", params={"level_pct": lamp.plan_level_pct})


def _does(lamp: Streetlight) -> Iterator[Reason]:
    asked = None if lamp.in_force is None else lamp.in_force.level_pct
    if lamp.level_pct is not None and asked is not None and abs(lamp.level_pct - asked) > TOLERANCE_PCT:
        yield Reason(code="does", params={"level_pct": lamp.level_pct})


def _pending(lamp: Streetlight) -> Iterator[Reason]:
    """The newest command that waits."""
    for command in [a for a in lamp.asked if a.effect == "pending"][:1]:
        plan = command.level_pct is None
        wanted = _coded("wanted.plan") if plan else _coded("wanted.level", level_pct=command.level_pct)
        answer = _coded(f"answer.{command.delivery.value}")
        yield Reason(code="pending", params={"wanted": wanted, "issuer": command.issuer, "answer": answer})


def _doubt(lamp: Streetlight) -> Iterator[Reason]:
    if lamp.status in AWAY:
        if lamp.status_since is None:
            yield Reason(code=f"{lamp.status}")
        else:
            yield Reason(code=f"{lamp.status}_since", params={"since_at": _instant(lamp.status_since)})
    elif lamp.last_seen_age_s is not None and lamp.last_seen_age_s > STALE_S:
        yield Reason(code="heard", params={"n": round(lamp.last_seen_age_s / 60)})


def _coded(code: str, **params: JsonValue) -> dict[str, JsonValue]:
    return {"code": code, "params": params}


def _instant(instant_us: int) -> str:
    return rfc3339(instant_us - instant_us % MINUTE_US)


def _text(language: Language, code: str, params: Mapping[str, Any]) -> str:
    """A code in words; one without words is the lamp's own, as it is."""
    values = {"n": 1} | {name: _written(language, name, value) for name, value in params.items()}
    return find_text(language, f"light.why.{code}", values) or code.rpartition(".")[2].replace("_", " ")


def _written(language: Language, name: str, value: object) -> object:
    if isinstance(value, Mapping):
        return _text(language, value["code"], value["params"])
    if name.endswith("_pct") and isinstance(value, int | float):
        number = f"{value:g}"
        return f"{number.replace('.', ',') if language == 'de' else number} %"
    if name.endswith("_at") and isinstance(value, str):
        return f"{value[:10]} {from_us(from_rfc3339(value)):%H:%M} UTC"
    return value
