"""The state machine: a rule, what was told, and the alarms as they are now → what to tell, and what is told then.

Level-triggered: called as often as one likes; a call that came late, or twice after a crash, tells what is missing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from application.notifications.rules import NotificationRule
from devices.messages import EventSeverity
from devices.time_us import MINUTE_US

MANY_PLACES: Final = 3
"""Alarms in more places than that at once are a storm: one message for all."""
PACE_US: Final = 10 * MINUTE_US
PACE: Final = 6
"""At most so many messages on new alarms in ten minutes, and so many on ended ones; what comes then is gathered."""


class NotificationOccasion(StrEnum):
    """Why a message goes out."""

    NEW = "new"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    RESOLVED = "resolved"
    TEST = "test"


class GroupPlace(NamedTuple):
    """A group that a device belongs to."""

    group_id: str
    name: str


@dataclass(frozen=True, slots=True)
class AlarmSnapshot:
    """An alarm as rules look at it."""

    alarm_id: str
    tenant_id: str
    kind: str
    asset_id: str
    device: str
    """The asset's name."""
    name: str
    part: str
    severity: EventSeverity
    since_us: int
    raised_us: int
    cleared_us: int | None = None
    quiet: bool = False
    """Acknowledged or shelved: somebody knows of it."""
    places: tuple[GroupPlace, ...] = ()
    restricted: bool = False
    """Of a kind whose data are for its own people only."""


class NotifiedAlarm(NamedTuple):
    """When an alarm was told first and last, and how many escalation steps are done."""

    first_us: int
    last_us: int
    steps: int = 0


@dataclass(frozen=True, slots=True)
class RuleMemory:
    """What a rule has told; empty at first."""

    told: Mapping[str, NotifiedAlarm] = field(default_factory=lambda: MappingProxyType({}))
    """By alarm, until its end is told."""
    new_us: tuple[int, ...] = ()
    """When the latest messages on new alarms went out."""
    resolved_us: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class NotificationMessage:
    """One thing to tell to some targets, of one kind. `place` is where all of it is, empty when not one place."""

    occasion: NotificationOccasion
    alarms: tuple[AlarmSnapshot, ...]
    target_ids: tuple[str, ...]
    place: str = ""
    waited_us: int = 0
    """Escalation: how long nobody has acknowledged."""


class RuleResult(NamedTuple):
    """What is told after the messages were handed on."""

    memory: RuleMemory
    messages: tuple[NotificationMessage, ...]


def evaluate_rule(
    rule: NotificationRule, memory: RuleMemory, seen: Mapping[str, AlarmSnapshot], now_us: int
) -> RuleResult:
    """Everything due now. `seen`: all open alarms of the tenant, and those in `memory.told` that still exist."""
    if not rule.enabled:
        return RuleResult(RuleMemory(), ())
    mine = {alarm_id: alarm for alarm_id, alarm in seen.items() if rule_matches(rule, alarm)}
    told = {alarm_id: t for alarm_id, t in memory.told.items() if alarm_id in mine}
    on_duty = rule.duty.on(now_us)
    may = {i for i, a in mine.items() if on_duty or (rule.critical_always and a.severity is EventSeverity.CRITICAL)}
    turn = _Turn(rule, {i: a for i, a in mine.items() if i in may}, told, now_us)
    new_us, resolved_us = _recent(memory.new_us, now_us), _recent(memory.resolved_us, now_us)
    messages = [*turn.escalations(), *turn.reminders()]
    if len(new_us) < PACE and (news := turn.news()):
        messages += news
        new_us = (*new_us, *[now_us] * len(news))
    if not rule.resolved:
        turn.forget_ended(mine)
    elif len(resolved_us) < PACE and (ended := turn.resolved()):
        messages += ended
        resolved_us = (*resolved_us, *[now_us] * len(ended))
    return RuleResult(RuleMemory(turn.told, new_us, resolved_us), tuple(messages))


def rule_matches(rule: NotificationRule, alarm: AlarmSnapshot) -> bool:
    """Whether the rule is about this alarm."""
    return (
        alarm.tenant_id == rule.tenant_id
        and alarm.kind in rule.kinds
        and (not rule.severities or alarm.severity in rule.severities)
        and (not rule.group_ids or any(place.group_id in rule.group_ids for place in alarm.places))
    )


def _recent(instants: tuple[int, ...], now_us: int) -> tuple[int, ...]:
    """Those that count for the pace; one in the future is of a clock that was set back, and counts no more."""
    return tuple(at_us for at_us in instants if 0 <= now_us - at_us < PACE_US)


@dataclass(slots=True)
class _Turn:
    """One call: `alarms` are those that may be told now; `told` is brought up to date."""

    rule: NotificationRule
    alarms: Mapping[str, AlarmSnapshot]
    told: dict[str, NotifiedAlarm]
    now_us: int

    def news(self) -> list[NotificationMessage]:
        """All that is untold, once the oldest of it has been gathered for long enough."""
        fresh = [a for a in self._open() if a.alarm_id not in self.told]
        if not fresh or min(a.raised_us for a in fresh) + self.rule.gather_us > self.now_us:
            return []
        for alarm in fresh:
            self.told[alarm.alarm_id] = NotifiedAlarm(self.now_us, self.now_us)
        return self._messages(NotificationOccasion.NEW, fresh, self.rule.target_ids)

    def reminders(self) -> list[NotificationMessage]:
        """When one reminder is due those come along whose time is half over: few messages, none twice as often."""
        repeat_us = self.rule.repeat_us
        known = [a for a in self._open() if a.alarm_id in self.told]
        if repeat_us is None or not any(self._since_told(a) >= repeat_us for a in known):
            return []
        due = [a for a in known if self._since_told(a) >= repeat_us / 2]
        for alarm in due:
            self.told[alarm.alarm_id] = self.told[alarm.alarm_id]._replace(last_us=self.now_us)
        return self._messages(NotificationOccasion.REMINDER, due, self.rule.target_ids)

    def escalations(self) -> list[NotificationMessage]:
        """Each step once for each alarm; steps that were missed are made good, each to its own targets."""
        messages = []
        for number, stage in enumerate(self.rule.escalation):
            due = [a for a in self._open() if self._awaits(a, number, stage.after_us)]
            for alarm in due:
                self.told[alarm.alarm_id] = self.told[alarm.alarm_id]._replace(steps=number + 1)
            some = self._messages(NotificationOccasion.ESCALATION, due, stage.target_ids)
            messages += [replace(message, waited_us=stage.after_us) for message in some]
        return messages

    def resolved(self) -> list[NotificationMessage]:
        """The end of what was told, to all who were told of it."""
        ended = [a for i, a in self.alarms.items() if a.cleared_us is not None and i in self.told]
        if not ended or min(a.cleared_us or 0 for a in ended) + self.rule.gather_us > self.now_us:
            return []
        by_steps: dict[int, list[AlarmSnapshot]] = {}
        for alarm in ended:
            by_steps.setdefault(self.told.pop(alarm.alarm_id).steps, []).append(alarm)
        return [
            m
            for steps, some in by_steps.items()
            for m in self._messages(NotificationOccasion.RESOLVED, some, self._up_to(steps))
        ]

    def forget_ended(self, mine: Mapping[str, AlarmSnapshot]) -> None:
        """Drop what ended, where nobody wants to know."""
        self.told = {i: t for i, t in self.told.items() if mine[i].cleared_us is None}

    def _open(self) -> list[AlarmSnapshot]:
        return [a for a in self.alarms.values() if a.cleared_us is None and not a.quiet]

    def _since_told(self, alarm: AlarmSnapshot) -> int:
        return self.now_us - self.told[alarm.alarm_id].last_us

    def _awaits(self, alarm: AlarmSnapshot, number: int, after_us: int) -> bool:
        told = self.told.get(alarm.alarm_id)
        return told is not None and told.steps == number and self.now_us - told.first_us >= after_us

    def _up_to(self, steps: int) -> tuple[str, ...]:
        reached = [i for stage in self.rule.escalation[:steps] for i in stage.target_ids]
        return tuple(dict.fromkeys((*self.rule.target_ids, *reached)))

    def _messages(
        self, occasion: NotificationOccasion, alarms: Iterable[AlarmSnapshot], target_ids: tuple[str, ...]
    ) -> list[NotificationMessage]:
        """Of each kind one message per place, or one for all in a storm; restricted ones are told without places."""
        by_kind: dict[str, dict[str, list[AlarmSnapshot]]] = {}
        for alarm in alarms:
            place = "" if alarm.restricted else self._place(alarm)
            by_kind.setdefault(alarm.kind, {}).setdefault(place, []).append(alarm)
        messages = []
        for places in by_kind.values():
            if len(places) > MANY_PLACES:
                everything = [a for some in places.values() for a in some]
                messages.append(NotificationMessage(occasion, tuple(everything), target_ids))
            else:
                messages += [
                    NotificationMessage(occasion, tuple(some), target_ids, place) for place, some in places.items()
                ]
        return messages

    def _place(self, alarm: AlarmSnapshot) -> str:
        """The group the rule asks for, else any; the first by name, so that it is the same each time."""
        asked = [p.name for p in alarm.places if p.group_id in self.rule.group_ids]
        return min(asked or [p.name for p in alarm.places], default="")
