"""Every reason that a lamp's level may have is in the catalogue of words."""

import itertools

import pytest
from pydantic import JsonValue

from api.kinds.streetlight.explanation import word_level
from api.kinds.streetlight.schemas import Reason
from devices.commands.command import DeliveryState
from devices.messages import AWAY
from devices.streetlight.enums import LevelReason
from devices.wording.catalogue import LANGUAGES, Language, all_words


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_reason_has_its_words(language: Language) -> None:
    codes = {f"cause.{reason.value}" for reason in LevelReason} | {"cause.untold"}
    codes |= {"_".join(("from", *more)) for n in range(3) for more in itertools.combinations(("group", "reason"), n)}
    codes |= {f"{away}{since}" for away in AWAY for since in ("", "_since")}
    waiting = DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.ACCEPTED, DeliveryState.UNKNOWN
    codes |= {f"answer.{state.value}" for state in waiting} | {"wanted.level", "wanted.plan"}
    codes |= {"unknown", "set", "set_until", "otherwise", "does", "pending", "heard", "of_lamp", "of_lamp_unknown"}
    assert {key for key in all_words()[language] if key.startswith("light.why.")} == {f"light.why.{c}" for c in codes}


def test_a_reason_of_a_lamps_own_is_said_as_it_is() -> None:
    why = [Reason(code="set", params={"level_pct": 33.5, "cause": {"code": "cause.festive_mood", "params": {}}})]
    assert word_level("L01", why, "de") == "L01: 33,5 %, festive mood."


def test_the_end_of_a_command_is_in_utc_to_the_minute() -> None:
    cause: JsonValue = {
        "code": "from_group_reason",
        "params": {"cause": {"code": "cause.override", "params": {}}, "issuer": "E", "group": "g", "reason": "Fest"},
    }
    why = [Reason(code="set_until", params={"level_pct": 80, "cause": cause, "until_at": "2026-07-14T22:30:00Z"})]
    assert word_level("L01", why, "de") == (
        "L01: 80 % bis 2026-07-14 22:30 UTC, Anordnung von E an die Gruppe g (Fest)."
    )
