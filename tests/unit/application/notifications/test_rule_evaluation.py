"""Who is told what and when: as tables, and whatever happens in whatever order."""

import pickle
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from application.notifications.duty_hours import DutyHours, WeeklySpan
from application.notifications.rule_evaluation import (
    PACE,
    PACE_US,
    AlarmSnapshot,
    GroupPlace,
    NotificationMessage,
    NotificationOccasion,
    RuleMemory,
    evaluate_rule,
)
from application.notifications.rules import EscalationStep, NotificationRule
from devices.messages import EventSeverity
from devices.time_us import DAY_US, HOUR_US, MINUTE_US, SECOND_US, to_us
from tests.unit.application.notifications.alarms import NOW_US, by_id, rule, seen

WORKDAYS = DutyHours(spans=(WeeklySpan(frozenset(range(5)), time(7), time(16)),), region="DE-RP")
THURSDAY_22H = to_us(datetime(2026, 11, 26, 21, tzinfo=UTC))
FRIDAY_7H = to_us(datetime(2026, 11, 27, 6, tzinfo=UTC))


def told(messages: Sequence[NotificationMessage]) -> list[tuple[str, list[str], tuple[str, ...]]]:
    return [(m.occasion.value, sorted(a.alarm_id for a in m.alarms), m.target_ids) for m in messages]


def test_alarms_that_come_close_together_are_one_message() -> None:
    first = seen("a", raised_us=NOW_US - 29 * SECOND_US)
    memory, messages = evaluate_rule(rule(), RuleMemory(), by_id(first), NOW_US)
    assert messages == ()
    second = seen("b", raised_us=NOW_US)
    memory, messages = evaluate_rule(rule(), memory, by_id(first, second), NOW_US + SECOND_US)
    assert told(messages) == [("new", ["a", "b"], ("t-1",))]
    assert messages[0].place == "Fauthweg"
    assert evaluate_rule(rule(), memory, by_id(first, second), NOW_US + HOUR_US).messages == ()


def test_a_storm_over_many_places_is_one_message() -> None:
    places = [GroupPlace(f"g-{n}", f"Straße {n}") for n in range(40)]
    alarms = by_id(*(seen(f"a{n}", places=(places[n % 40],)) for n in range(400)))
    (message,) = evaluate_rule(rule(), RuleMemory(), alarms, NOW_US).messages
    assert (len(message.alarms), message.place) == (400, "")


def test_alarms_without_end_are_gathered_more_and_more() -> None:
    memory, count = RuleMemory(), 0
    alarms: dict[str, AlarmSnapshot] = {}
    for second in range(0, 3600, 5):
        alarms |= by_id(seen(f"a{second}", raised_us=NOW_US + second * SECOND_US))
        memory, messages = evaluate_rule(rule(), memory, alarms, NOW_US + second * SECOND_US)
        count += len(messages)
    assert count <= PACE * (3600 * SECOND_US // PACE_US + 1)
    memory, messages = evaluate_rule(rule(), memory, alarms, NOW_US + 2 * HOUR_US)
    assert set(memory.told) == set(alarms)


def test_what_comes_at_night_is_told_in_the_morning_if_it_is_still_so() -> None:
    night = rule(duty=WORKDAYS)
    lasting, passing = (seen(i, raised_us=THURSDAY_22H) for i in ("a", "b"))
    memory, messages = evaluate_rule(night, RuleMemory(), by_id(lasting, passing), THURSDAY_22H + HOUR_US)
    assert messages == ()
    ended = replace(passing, cleared_us=THURSDAY_22H + 2 * HOUR_US)
    assert evaluate_rule(night, memory, by_id(lasting, ended), FRIDAY_7H - 1).messages == ()
    assert told(evaluate_rule(night, memory, by_id(lasting, ended), FRIDAY_7H).messages) == [("new", ["a"], ("t-1",))]


def test_critical_alarms_wake_people_where_the_rule_says_so() -> None:
    fire = seen("a", raised_us=THURSDAY_22H, severity=EventSeverity.CRITICAL)
    other = seen("b", raised_us=THURSDAY_22H)
    at_us = THURSDAY_22H + HOUR_US
    assert evaluate_rule(rule(duty=WORKDAYS), RuleMemory(), by_id(fire, other), at_us).messages == ()
    waking = rule(duty=WORKDAYS, critical_always=True)
    assert told(evaluate_rule(waking, RuleMemory(), by_id(fire, other), at_us).messages) == [("new", ["a"], ("t-1",))]


def test_steps_missed_while_nobody_looked_are_made_good_each_to_its_own_people() -> None:
    steps = (EscalationStep(15 * MINUTE_US, ("t-2",)), EscalationStep(30 * MINUTE_US, ("t-3",)))
    wanted = rule(escalation=steps)
    memory, _ = evaluate_rule(wanted, RuleMemory(), by_id(seen("a")), NOW_US)
    memory, messages = evaluate_rule(wanted, memory, by_id(seen("a")), NOW_US + HOUR_US)
    assert told(messages) == [("escalation", ["a"], ("t-2",)), ("escalation", ["a"], ("t-3",))]
    ended = seen("a", cleared_us=NOW_US + HOUR_US)
    memory, messages = evaluate_rule(wanted, memory, by_id(ended), NOW_US + 2 * HOUR_US)
    assert told(messages) == [("resolved", ["a"], ("t-1", "t-2", "t-3"))]
    assert memory.told == {}


def test_a_reminder_takes_along_what_has_waited_half_its_time_and_nothing_younger() -> None:
    wanted = rule(repeat_us=20 * MINUTE_US)
    memory, _ = evaluate_rule(wanted, RuleMemory(), by_id(seen("a")), NOW_US)
    memory, _ = evaluate_rule(wanted, memory, by_id(seen("a"), seen("b")), NOW_US + 8 * MINUTE_US)
    alarms = by_id(seen("a"), seen("b"), seen("c"))
    memory, _ = evaluate_rule(wanted, memory, alarms, NOW_US + 15 * MINUTE_US)
    memory, messages = evaluate_rule(wanted, memory, alarms, NOW_US + 20 * MINUTE_US)
    assert told(messages) == [("reminder", ["a", "b"], ("t-1",))]
    assert told(evaluate_rule(wanted, memory, alarms, NOW_US + 35 * MINUTE_US).messages) == [
        ("reminder", ["a", "b", "c"], ("t-1",))
    ]


def test_an_acknowledged_alarm_is_repeated_and_escalated_no_more_and_its_end_is_told() -> None:
    wanted = rule(repeat_us=10 * MINUTE_US, escalation=(EscalationStep(15 * MINUTE_US, ("t-2",)),))
    memory, _ = evaluate_rule(wanted, RuleMemory(), by_id(seen("a")), NOW_US)
    memory, messages = evaluate_rule(wanted, memory, by_id(seen("a")), NOW_US + 10 * MINUTE_US)
    assert told(messages) == [("reminder", ["a"], ("t-1",))]
    known = seen("a", quiet=True)
    memory, messages = evaluate_rule(wanted, memory, by_id(known), NOW_US + DAY_US)
    assert messages == ()
    ended = replace(known, cleared_us=NOW_US + DAY_US)
    assert told(evaluate_rule(wanted, memory, by_id(ended), NOW_US + 2 * DAY_US).messages) == [
        ("resolved", ["a"], ("t-1",))
    ]


def test_nobody_is_told_of_what_somebody_knows_already() -> None:
    assert evaluate_rule(rule(), RuleMemory(), by_id(seen("a", quiet=True)), NOW_US) == (RuleMemory({}), ())


def test_a_rule_looks_at_its_own_town_kinds_severities_and_groups_only() -> None:
    wanted = rule(severities=frozenset({EventSeverity.MAJOR}), group_ids=frozenset({"g-1"}))
    others = [
        seen("a", tenant_id="speyer"),
        seen("b", kind="fire_drone"),
        seen("c", severity=EventSeverity.WARNING),
        seen("d", places=(GroupPlace("g-2", "Bahnhof"),)),
        seen("e", places=()),
    ]
    assert told(evaluate_rule(wanted, RuleMemory(), by_id(*others, seen("f")), NOW_US).messages) == [
        ("new", ["f"], ("t-1",))
    ]


def test_restricted_alarms_never_share_a_message_with_others() -> None:
    both = rule(kinds=frozenset({"streetlight", "fire_drone"}))
    alarms = by_id(seen("a"), seen("b", kind="fire_drone", restricted=True))
    assert sorted(told(evaluate_rule(both, RuleMemory(), alarms, NOW_US).messages)) == [
        ("new", ["a"], ("t-1",)),
        ("new", ["b"], ("t-1",)),
    ]


def test_a_rule_switched_off_forgets_and_tells_all_that_is_open_when_it_is_on_again() -> None:
    memory, _ = evaluate_rule(rule(), RuleMemory(), by_id(seen("a")), NOW_US)
    memory, messages = evaluate_rule(rule(enabled=False), memory, by_id(seen("a")), NOW_US)
    assert (memory, messages) == (RuleMemory(), ())
    assert len(evaluate_rule(rule(), memory, by_id(seen("a")), NOW_US).messages) == 1


# Whatever happens: a year's worth of chance in a few hours.

GATHER_US = 30 * SECOND_US
RULE = rule(
    gather_us=GATHER_US,
    repeat_us=20 * MINUTE_US,
    escalation=(EscalationStep(10 * MINUTE_US, ("t-2",)), EscalationStep(25 * MINUTE_US, ("t-3",))),
)
LONG_US = PACE_US + GATHER_US + MINUTE_US
"""Within so long everything due has been told."""


@dataclass
class World:
    """Alarms as they come and go, and all that was told. A lost step is one whose transaction did not commit."""

    rule: NotificationRule
    now_us: int = NOW_US
    alarms: dict[str, AlarmSnapshot] = field(default_factory=dict)
    memory: RuleMemory = field(default_factory=RuleMemory)
    told: list[tuple[int, NotificationMessage]] = field(default_factory=list)

    def raise_alarm(self, place: int) -> None:
        number = len(self.alarms)
        at_us = self.now_us
        self.alarms |= by_id(
            seen(f"a{number}", since_us=at_us, raised_us=at_us, places=(GroupPlace(f"g{place}", f"Ort {place}"),))
        )

    def change(self, number: int, **values: Any) -> None:
        still_open = [a for a in self.alarms.values() if a.cleared_us is None]
        if still_open:
            alarm = still_open[number % len(still_open)]
            self.alarms[alarm.alarm_id] = replace(alarm, **values)

    def look(self, *, lost: bool = False) -> None:
        visible = {i: a for i, a in self.alarms.items() if a.cleared_us is None or i in self.memory.told}
        memory, messages = evaluate_rule(
            self.rule, pickle.loads(pickle.dumps(self.memory_value())), visible, self.now_us
        )
        if not lost:
            self.memory = memory
            self.told += [(self.now_us, m) for m in messages]

    def memory_value(self) -> RuleMemory:
        return RuleMemory(dict(self.memory.told), self.memory.new_us, self.memory.resolved_us)

    def of(self, alarm_id: str, occasion: NotificationOccasion) -> list[tuple[int, NotificationMessage]]:
        return [
            (at_us, m)
            for at_us, m in self.told
            if m.occasion is occasion and alarm_id in {a.alarm_id for a in m.alarms}
        ]


Act = Callable[[World], None]
seconds = st.integers(1, 900)
ACTS = st.one_of(
    st.builds(lambda place: lambda w: w.raise_alarm(place), st.integers(0, 6)),
    st.builds(lambda n: lambda w: w.change(n, cleared_us=w.now_us), st.integers(0, 50)),
    st.builds(lambda n: lambda w: w.change(n, quiet=True), st.integers(0, 50)),
    st.builds(lambda s: lambda w: setattr(w, "now_us", w.now_us + s * SECOND_US), seconds),
    st.just(lambda w: w.look()),
    st.just(lambda w: w.look(lost=True)),
)


@given(st.lists(ACTS, max_size=80))
def test_no_step_is_doubled_or_forgotten_whatever_the_restarts(acts: list[Act]) -> None:
    world = World(RULE)
    for act in acts:
        act(world)
    # Then the world stands still, and Lautern looks every second minute for an hour.
    for _ in range(30):
        world.now_us += 2 * MINUTE_US
        world.look()
    for alarm_id, alarm in world.alarms.items():
        news = world.of(alarm_id, NotificationOccasion.NEW)
        stages = Counter(m.target_ids for _, m in world.of(alarm_id, NotificationOccasion.ESCALATION))
        ended = world.of(alarm_id, NotificationOccasion.RESOLVED)
        assert len(news) <= 1
        assert all(number == 1 for number in stages.values())
        if alarm.cleared_us is None and not alarm.quiet:
            assert len(news) == 1
            assert set(stages) == {("t-2",), ("t-3",)}
        assert len(ended) == (1 if news and alarm.cleared_us is not None else 0)
        if ended:
            reached = {target for m in stages for target in m}
            assert set(ended[0][1].target_ids) == {"t-1"} | reached
        about = [
            at_us
            for occasion in (NotificationOccasion.NEW, NotificationOccasion.REMINDER)
            for at_us, _ in world.of(alarm_id, occasion)
        ]
        spaces = [after - before for before, after in pairwise(about)]
        assert all(space >= RULE.repeat_us / 2 for space in spaces if RULE.repeat_us)
    assert set(world.memory.told) <= {i for i, a in world.alarms.items() if a.cleared_us is None}


@given(st.lists(ACTS, max_size=40), st.integers(1, 5))
def test_looking_more_often_tells_nothing_twice(acts: list[Act], times: int) -> None:
    world = World(RULE)
    for act in acts:
        act(world)
        for _ in range(times):
            world.look()
        before = len(world.told)
        world.look()
        assert len(world.told) == before
