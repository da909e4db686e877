"""The words of a message, German and English: plain, calm, without secrets; of restricted kinds the name only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic_core import to_json

from application.notifications.rule_evaluation import AlarmSnapshot, NotificationMessage, NotificationOccasion
from application.notifications.rules import NotificationRule
from devices.alarm_texts import AlarmText
from devices.time_us import MINUTE_US, from_us, rfc3339
from devices.wording.catalogue import Language, require_text

NAMED_IN_SUBJECT: Final = 3
LISTED: Final = 20
"""Alarms that a mail lists; the others are counted."""
LISTED_FOR_MACHINES: Final = 50
SUBJECT_CHARACTERS: Final = 150


@dataclass(frozen=True, slots=True)
class MessageText:
    """A message in words."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class MessageWording:
    """Puts messages into words. `public_url`: where people reach the pages; without it there are no links."""

    public_url: str | None = None

    def words(self, message: NotificationMessage, rule: NotificationRule, language: Language) -> MessageText:
        """Subject and body of a mail."""
        say, occasion = partial(require_text, language), message.occasion
        subject = say(f"mail.subject.{occasion}", subject=self._subject(message, language))
        place = f", {message.place}" if message.place else ""
        count = say("mail.count", n=len(message.alarms))
        opening = say(f"mail.opening.{occasion}", count=count, place=place, waited=message.waited_us // MINUTE_US)
        lines = [opening, "", *self._lines(message, rule, language)]
        if link := self.link(message):
            lines += ["", f"{say('mail.look')}: {link}"]
        lines += ["", "-- ", say("mail.sender", rule=rule.name)]
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

    def _subject(self, message: NotificationMessage, language: Language) -> str:
        alarms = _in_order(message.alarms)
        named = list(dict.fromkeys(self._what(alarm, language) for alarm in alarms))
        some = ", ".join(named[:NAMED_IN_SUBJECT]) + (", …" if len(named) > NAMED_IN_SUBJECT else "")
        place = f", {message.place}" if message.place else ""
        return f"{require_text(language, 'mail.count', n=len(alarms))}{place}: {some}"

    def _what(self, alarm: AlarmSnapshot, language: Language) -> str:
        if alarm.restricted:
            return alarm.device
        part = f" ({alarm.part})" if alarm.part else ""
        return f"{alarm.device}{part} {AlarmText(alarm.kind, alarm.name).what(language)}"

    def _lines(self, message: NotificationMessage, rule: NotificationRule, language: Language) -> Sequence[str]:
        alarms = _in_order(message.alarms)
        zone, say = ZoneInfo(rule.duty.zone), partial(require_text, language)

        def at(instant_us: int) -> str:
            return from_us(instant_us).astimezone(zone).strftime(say("mail.when"))

        lines = []
        for alarm in alarms[:LISTED]:
            since = say("mail.since", at=at(alarm.since_us))
            if alarm.cleared_us is not None:
                since = say("mail.until", since=since, at=at(alarm.cleared_us))
            lines.append(f"- {self._what(alarm, language)}" + ("" if alarm.restricted else f", {since}"))
        if len(alarms) > LISTED:
            lines.append(f"- {say('mail.more', n=len(alarms) - LISTED)}")
        if any(alarm.restricted for alarm in alarms):
            return [*lines, "", say("mail.hidden")]
        remedies = dict.fromkeys(AlarmText(a.kind, a.name).remedy(language) for a in alarms)
        told = [remedy for remedy in remedies if remedy]
        if told and message.occasion is not NotificationOccasion.RESOLVED:
            lines += ["", f"{say('mail.remedy')}: {' '.join(told[:5])}"]
        return lines


def trial_words(name: str, language: Language) -> MessageText:
    """What a target gets when somebody tries it out."""
    body = require_text(language, "mail.trial.body", name=name)
    return MessageText(require_text(language, "mail.trial.subject"), f"{body}\n")


def webhook_payload(delivery_id: str, occasion: NotificationOccasion, now_us: int, data: Mapping[str, Any]) -> str:
    """JSON that a webhook gets; the same in every attempt."""
    head = {"id": delivery_id, "type": f"alarm.{occasion.value}", "timestamp": rfc3339(now_us)}
    return to_json({**head, "data": dict(data)}).decode()


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
