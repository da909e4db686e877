"""The words of a message, German and English: plain, calm, without secrets; of restricted kinds the name only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic_core import to_json

from application.notifications.rule_evaluation import AlarmSnapshot, NotificationMessage, NotificationOccasion
from application.notifications.rules import NotificationRule
from devices.alarm_texts import AlarmText, Language
from devices.time_us import MINUTE_US, from_us, rfc3339

NAMED_IN_SUBJECT: Final = 3
LISTED: Final = 20
"""Alarms that a mail lists; the others are counted."""
LISTED_FOR_MACHINES: Final = 50
SUBJECT_CHARACTERS: Final = 150

TextOf = Callable[[str, str], AlarmText]
"""Text of an alarm by kind and name."""


@dataclass(frozen=True, slots=True)
class MessageText:
    """A message in words."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class _Phrases:
    one: str
    many: str
    before: Mapping[NotificationOccasion, str]
    opening: Mapping[NotificationOccasion, str]
    since: str
    until: str
    more: str
    remedy: str
    look: str
    sender: str
    hidden: str
    when: str


_PHRASES: Final[Mapping[Language, _Phrases]] = {
    "de": _Phrases(
        one="1 Alarm",
        many="{n} Alarme",
        before={
            NotificationOccasion.NEW: "",
            NotificationOccasion.REMINDER: "Erinnerung: ",
            NotificationOccasion.ESCALATION: "Noch unbestätigt: ",
            NotificationOccasion.RESOLVED: "Beendet: ",
        },
        opening={
            NotificationOccasion.NEW: "{count}{place}:",
            NotificationOccasion.REMINDER: "Noch offen und von niemandem bestätigt: {count}{place}.",
            NotificationOccasion.ESCALATION: "Seit {waited} Minuten hat niemand bestätigt: {count}{place}.",
            NotificationOccasion.RESOLVED: "Wieder in Ordnung: {count}{place}.",
        },
        since="seit {at} Uhr",
        until="{since}, beendet {at} Uhr",
        more="und {n} weitere",
        remedy="Was zu tun ist",
        look="Ansehen und bestätigen",
        sender="Diese Nachricht schickt Lautern nach der Regel „{rule}“.",
        hidden="Mehr dazu nach der Anmeldung.",
        when="%d.%m.%Y %H:%M",
    ),
    "en": _Phrases(
        one="1 alarm",
        many="{n} alarms",
        before={
            NotificationOccasion.NEW: "",
            NotificationOccasion.REMINDER: "Reminder: ",
            NotificationOccasion.ESCALATION: "Not acknowledged: ",
            NotificationOccasion.RESOLVED: "Ended: ",
        },
        opening={
            NotificationOccasion.NEW: "{count}{place}:",
            NotificationOccasion.REMINDER: "Still open and acknowledged by nobody: {count}{place}.",
            NotificationOccasion.ESCALATION: "Nobody has acknowledged for {waited} minutes: {count}{place}.",
            NotificationOccasion.RESOLVED: "All right again: {count}{place}.",
        },
        since="since {at}",
        until="{since}, ended {at}",
        more="and {n} more",
        remedy="What to do",
        look="Look and acknowledge",
        sender="Lautern sends this message by the rule “{rule}”.",
        hidden="Sign in to see more.",
        when="%d %B %Y %H:%M",
    ),
}


@dataclass(frozen=True, slots=True)
class MessageWording:
    """Puts messages into words. `public_url`: where people reach the pages; without it there are no links."""

    text_of: TextOf
    public_url: str | None = None

    def words(self, message: NotificationMessage, rule: NotificationRule, language: Language) -> MessageText:
        """Subject and body of a mail."""
        phrases = _PHRASES[language]
        count = _count(phrases, len(message.alarms))
        subject = phrases.before[message.occasion] + self._subject(message, phrases, language)
        place = f", {message.place}" if message.place else ""
        waited = message.waited_us // MINUTE_US
        opening = phrases.opening[message.occasion].format(count=count, place=place, waited=waited)
        lines = [opening, "", *self._lines(message, rule, phrases, language)]
        if link := self.link(message):
            lines += ["", f"{phrases.look}: {link}"]
        lines += ["", "-- ", phrases.sender.format(rule=rule.name)]
        return MessageText(_one_line(subject), "\n".join(map(_plain, lines)) + "\n")

    def data(self, message: NotificationMessage, rule: NotificationRule, language: Language) -> dict[str, Any]:
        """What a webhook gets; of restricted alarms no more than the device's name."""
        words = self.words(message, rule, language)
        return {
            "rule": rule.name,
            "tenant_id": rule.tenant_id,
            "language": language,
            "subject": words.subject,
            "text": words.body,
            "url": self.link(message),
            "count": len(message.alarms),
            "alarms": [_shown(alarm) for alarm in _in_order(message.alarms)[:LISTED_FOR_MACHINES]],
        }

    def link(self, message: NotificationMessage) -> str | None:
        """Page of the one device, or of all alarms."""
        if self.public_url is None:
            return None
        devices = {alarm.asset_id for alarm in message.alarms if not alarm.restricted}
        path = f"/devices/{quote(devices.pop(), safe='')}" if len(devices) == 1 else "/alarms"
        return self.public_url.rstrip("/") + path

    def _subject(self, message: NotificationMessage, phrases: _Phrases, language: Language) -> str:
        alarms = _in_order(message.alarms)
        named = list(dict.fromkeys(self._what(alarm, language) for alarm in alarms))
        some = ", ".join(named[:NAMED_IN_SUBJECT]) + (", …" if len(named) > NAMED_IN_SUBJECT else "")
        place = f", {message.place}" if message.place else ""
        return f"{_count(phrases, len(alarms))}{place}: {some}"

    def _what(self, alarm: AlarmSnapshot, language: Language) -> str:
        if alarm.restricted:
            return alarm.device
        part = f" ({alarm.part})" if alarm.part else ""
        return f"{alarm.device}{part} {self.text_of(alarm.kind, alarm.name).what(language)}"

    def _lines(
        self, message: NotificationMessage, rule: NotificationRule, phrases: _Phrases, language: Language
    ) -> Sequence[str]:
        alarms = _in_order(message.alarms)
        zone = ZoneInfo(rule.duty.zone)

        def at(instant_us: int) -> str:
            return from_us(instant_us).astimezone(zone).strftime(phrases.when)

        lines = []
        for alarm in alarms[:LISTED]:
            since = phrases.since.format(at=at(alarm.since_us))
            if alarm.cleared_us is not None:
                since = phrases.until.format(since=since, at=at(alarm.cleared_us))
            lines.append(f"- {self._what(alarm, language)}" + ("" if alarm.restricted else f", {since}"))
        if len(alarms) > LISTED:
            lines.append(f"- {phrases.more.format(n=len(alarms) - LISTED)}")
        if any(alarm.restricted for alarm in alarms):
            return [*lines, "", phrases.hidden]
        remedies = dict.fromkeys(self.text_of(a.kind, a.name).remedy(language) for a in alarms)
        told = [remedy for remedy in remedies if remedy]
        if told and message.occasion is not NotificationOccasion.RESOLVED:
            lines += ["", f"{phrases.remedy}: {' '.join(told[:5])}"]
        return lines


def trial_words(name: str, language: Language) -> MessageText:
    """What a target gets when somebody tries it out."""
    if language == "de":
        return MessageText(
            "Probe: Lautern erreicht Sie",
            f"Diese Nachricht prüft das Ziel „{name}“. Es ist nichts vorgefallen, und es ist nichts zu tun.\n",
        )
    return MessageText("Test: Lautern reaches you", f"This message tries the target “{name}”. Nothing is wrong.\n")


def webhook_payload(delivery_id: str, occasion: NotificationOccasion, now_us: int, data: Mapping[str, Any]) -> str:
    """JSON that a webhook gets; the same in every attempt."""
    head = {"id": delivery_id, "type": f"alarm.{occasion.value}", "timestamp": rfc3339(now_us)}
    return to_json({**head, "data": dict(data)}).decode()


def _count(phrases: _Phrases, number: int) -> str:
    return phrases.one if number == 1 else phrases.many.format(n=number)


def _in_order(alarms: Sequence[AlarmSnapshot]) -> list[AlarmSnapshot]:
    ranks = {"critical": 0, "major": 1, "warning": 2, "info": 3}
    return sorted(alarms, key=lambda a: (ranks[a.severity.value], a.since_us, a.device, a.alarm_id))


def _shown(alarm: AlarmSnapshot) -> dict[str, Any]:
    if alarm.restricted:
        return {"device": alarm.device}
    return {
        "id": alarm.alarm_id,
        "device_id": alarm.asset_id,
        "device": alarm.device,
        "kind": alarm.kind,
        "name": alarm.name,
        "part": alarm.part,
        "severity": alarm.severity.value,
        "since": rfc3339(alarm.since_us),
        "cleared_at": None if alarm.cleared_us is None else rfc3339(alarm.cleared_us),
        "places": [place.name for place in alarm.places],
    }


def _plain(text: str) -> str:
    """Without control characters: names come from people."""
    return "".join(c if c.isprintable() else " " for c in text)


def _one_line(text: str) -> str:
    plain = _plain(text)
    return plain if len(plain) <= SUBJECT_CHARACTERS else plain[: SUBJECT_CHARACTERS - 1] + "…"
