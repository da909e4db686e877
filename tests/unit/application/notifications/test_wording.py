"""The words people read, and what never stands in them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from application.notifications.rule_evaluation import AlarmSnapshot, NotificationMessage, NotificationOccasion
from application.notifications.wording import LISTED, LISTED_FOR_MACHINES, SUBJECT_CHARACTERS, MessageWording
from devices.alarm_texts import AlarmText
from devices.kind_catalog import discover_kinds
from devices.messages import EventSeverity
from devices.streetlight.events import FAULTS
from devices.streetlight.rules.reported_faults import PREFIX
from devices.time_us import MINUTE_US
from devices.wording.catalogue import Language
from tests.unit.application.notifications.alarms import rule, seen

CATALOG = discover_kinds()
TELLS_NO_NAME = {"reported_faults"}


WORDING = MessageWording("https://lautern.stadt.example/")


def message(
    *alarms: AlarmSnapshot, occasion: NotificationOccasion = NotificationOccasion.NEW, place: str = "Fauthweg"
) -> NotificationMessage:
    return NotificationMessage(
        occasion, alarms, ("t-1",), place, 15 * MINUTE_US if occasion is NotificationOccasion.ESCALATION else 0
    )


THREE = message(seen("L07"), seen("L08", name="device_silent"), seen("L09", name="door", part="mast"))


SILENT: Final = "Strom und Netz am Ort prüfen; das Gerät meldet sich von selbst wieder."


def test_a_mail_says_what_since_when_and_what_to_do() -> None:
    subject, body = (words := WORDING.words(THREE, rule(), "de")).subject, words.body
    assert subject == "3 Alarme, Fauthweg: L07 ausgefallen, L08 sendet nicht mehr, L09 (mast) door"
    assert body.splitlines() == [
        "3 Alarme, Fauthweg:",
        "",
        "- L07 ausgefallen, seit 18.11.2026 12:05 Uhr",
        "- L08 sendet nicht mehr, seit 18.11.2026 12:05 Uhr",
        "- L09 (mast) door, seit 18.11.2026 12:05 Uhr",
        "",
        f"Was zu tun ist: Leuchte und Vorschaltgerät prüfen. {SILENT}",
        "",
        "Ansehen und bestätigen: https://lautern.stadt.example/alarms",
        "",
        "-- ",
        "Diese Nachricht schickt Lautern nach der Regel „Nachts“.",
    ]


def test_the_same_in_english() -> None:
    words = WORDING.words(message(seen("L07")), rule(), "en")
    assert words.subject == "1 alarm, Fauthweg: L07 has failed"
    assert "- L07 has failed, since 18 November 2026 12:05" in words.body
    assert "https://lautern.stadt.example/devices/L07" in words.body


@pytest.mark.parametrize(
    ("occasion", "subject", "opening"),
    [
        (
            NotificationOccasion.REMINDER,
            "Erinnerung: 1 Alarm",
            "Noch offen und von niemandem bestätigt: 1 Alarm, Fauthweg.",
        ),
        (
            NotificationOccasion.ESCALATION,
            "Noch unbestätigt: 1 Alarm",
            "Seit 15 Minuten hat niemand bestätigt: 1 Alarm, Fauthweg.",
        ),
        (NotificationOccasion.RESOLVED, "Beendet: 1 Alarm", "Wieder in Ordnung: 1 Alarm, Fauthweg."),
    ],
)
def test_each_occasion_has_its_words(occasion: NotificationOccasion, subject: str, opening: str) -> None:
    words = WORDING.words(message(seen("L07"), occasion=occasion), rule(), "de")
    assert words.subject.startswith(subject)
    assert words.body.startswith(opening)


def test_a_storm_is_told_by_its_number_the_worst_first() -> None:
    alarms = [seen(f"L{n:03}") for n in range(400)] + [seen("L999", severity=EventSeverity.CRITICAL)]
    storm = message(*alarms, place="")
    words = WORDING.words(storm, rule(), "de")
    assert words.subject == "401 Alarme: L999 ausgefallen, L000 ausgefallen, L001 ausgefallen, …"
    assert f"- und {401 - LISTED} weitere" in words.body
    data = WORDING.data(storm, rule(), "de")
    assert (data["count"], len(data["alarms"])) == (401, LISTED_FOR_MACHINES)


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("occasion", [o for o in NotificationOccasion if o is not NotificationOccasion.TEST])
def test_of_restricted_kinds_nothing_but_the_name_is_told(language: Language, occasion: NotificationOccasion) -> None:
    hidden: dict[str, Any] = {
        "alarm_id": "id-71",
        "kind": "kind-72",
        "name": "name_73",
        "part": "part-74",
        "asset_id": "asset-75",
    }
    fritz = replace(seen("x", cleared_us=None), **hidden, device="Fritz", restricted=True)
    told = message(fritz, occasion=occasion, place="")
    words = WORDING.words(told, rule(), language)
    data = WORDING.data(told, rule(), language)
    assert "Fritz" in words.subject
    assert data["alarms"] == [{"device": "Fritz"}]
    for text in (words.subject, words.body, str(data)):
        assert not [value for value in (*hidden.values(), "12:05", "Fauthweg") if value in text]


def test_names_from_people_break_no_line_and_no_header() -> None:
    words = WORDING.words(message(seen("x", device="L07\r\nBcc: a@b.example" + "x" * 500)), rule(), "de")
    assert "\n" not in words.subject
    assert "\r" not in words.subject
    assert len(words.subject) <= SUBJECT_CHARACTERS
    assert not [line for line in words.body.splitlines() if line.startswith("Bcc")]


def test_every_alarm_of_ours_has_words_in_both_languages() -> None:
    names: Mapping[str, list[str]] = {
        kind.name: [r.__name__ for r in kind.rules if r.__name__ not in TELLS_NO_NAME]
        for kind in CATALOG.values()
        if not kind.restricted
    }
    names["streetlight"].extend(PREFIX + fault for fault in FAULTS)
    assert len(names["streetlight"]) > 30
    for kind, some in names.items():
        for name in some:
            text = AlarmText(kind, name)
            assert name.replace("_", " ") not in {text.what("de"), text.what("en")}, (kind, name)
