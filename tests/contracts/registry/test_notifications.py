"""Targets, rules, what was told, and deliveries."""

from collections.abc import Callable
from dataclasses import replace
from datetime import time
from typing import Any

import pytest

from application.notifications.deliveries import WAITING_MOST, NotificationDelivery, NotificationState
from application.notifications.duty_hours import DutyHours, WeeklySpan
from application.notifications.rule_evaluation import GroupPlace, NotificationOccasion, NotifiedAlarm, RuleMemory
from application.notifications.rules import EscalationStep, NotificationChannel, NotificationRule, NotificationTarget
from application.ports.alarms import AlarmRepository
from application.ports.inventory import AssetGroup, GroupRepository
from application.ports.notifications import DeliveryQueue, NotificationMemory, NotificationRules, NotificationTargets
from application.ports.registry import Registry
from devices.errors import Conflict, NotFound, VersionMismatch
from devices.messages import EventSeverity
from devices.time_us import DAY_US, MINUTE_US
from tests.contracts.registry.making import alarm, with_assets


def target(target_id: str = "t-1", **values: Any) -> NotificationTarget:
    common: dict[str, Any] = {
        "tenant_id": "kl",
        "name": "Licht",
        "channel": NotificationChannel.EMAIL,
        "address": "a@b.example",
    }
    return NotificationTarget(**common | values, target_id=target_id)


def rule(rule_id: str = "r-1", **values: Any) -> NotificationRule:
    common: dict[str, Any] = {"tenant_id": "kl", "name": "Nachts", "kinds": frozenset({"streetlight"})}
    return NotificationRule(**common | {"target_ids": ("t-1",)} | values, rule_id=rule_id)


def delivery(delivery_id: str, **values: Any) -> NotificationDelivery:
    common: dict[str, Any] = {
        "tenant_id": "kl",
        "target_id": "t-1",
        "channel": NotificationChannel.EMAIL,
        "subject": "1 Alarm",
    }
    common |= {
        "occasion": NotificationOccasion.NEW,
        "body": "ü",
        "created_us": 100,
        "next_attempt_us": 100,
        "kind": "streetlight",
    }
    return NotificationDelivery(**common | values, delivery_id=delivery_id)


@pytest.fixture
def told(registry: Registry) -> Registry:
    """With a group, two targets and a rule."""
    with_assets(registry, "lamp-1", "lamp-2")
    with registry.write() as tx:
        tx.get(GroupRepository).put(AssetGroup("g-1", "kl", "streetlight", "Fauthweg", ("lamp-1",), 0))
        tx.get(NotificationTargets).put(target())
        tx.get(NotificationTargets).put(
            target("t-2", channel=NotificationChannel.WEBHOOK, address="https://x.example/", secret="s")
        )
        tx.get(NotificationRules).put(rule())
    return registry


def test_targets_are_kept_and_changed_by_who_has_seen_them(registry: Registry) -> None:
    wanted = target(language="en", enabled=False, secret="whsec_x")
    with registry.write() as tx:
        targets = tx.get(NotificationTargets)
        assert targets.put(wanted) == replace(wanted, version=1)
        assert targets.put(replace(wanted, name="Wache", version=1)).version == 2
        assert [t.name for t in targets.list({"kl"})] == ["Wache"]
        assert targets.list({"speyer"}) == []
        with pytest.raises(Conflict):
            targets.put(wanted)
        with pytest.raises(VersionMismatch):
            targets.put(replace(wanted, version=1))
        with pytest.raises(NotFound):
            targets.put(target("t-9", version=1))
        targets.remove("t-1")
        for missing in (targets.get, targets.remove):
            with pytest.raises(NotFound):
                missing("t-1")


def test_a_rule_is_kept_whole(told: Registry) -> None:
    wanted = rule(
        "r-2",
        severities=frozenset({EventSeverity.MAJOR, EventSeverity.CRITICAL}),
        group_ids=frozenset({"g-1"}),
        duty=DutyHours("Europe/Vienna", (WeeklySpan(frozenset({0, 4}), time(22), time(6)),), "DE-RP"),
        critical_always=True,
        gather_us=7,
        repeat_us=MINUTE_US,
        escalation=(EscalationStep(5, ("t-2",)), EscalationStep(6, ("t-1", "t-2"))),
        resolved=False,
        enabled=False,
    )
    with told.write() as tx:
        assert tx.get(NotificationRules).put(wanted) == replace(wanted, version=1)
        assert [r.rule_id for r in tx.get(NotificationRules).list({"kl"})] == ["r-1", "r-2"]


@pytest.mark.parametrize(
    "wrong",
    [{"target_ids": ("t-9",)}, {"group_ids": frozenset({"g-9"})}, {"tenant_id": "speyer"}],
)
def test_a_rule_names_only_what_its_town_has(told: Registry, wrong: dict[str, Any]) -> None:
    with told.write() as tx, pytest.raises(Conflict):
        tx.get(NotificationRules).put(rule("r-3", **wrong))


def test_what_a_rule_names_stays_as_long_as_the_rule(told: Registry) -> None:
    with told.write() as tx:
        tx.get(NotificationRules).put(rule(group_ids=frozenset({"g-1"}), version=1))
    removals: list[Callable[[Any], None]] = [
        lambda tx: tx.get(NotificationTargets).remove("t-1"),
        lambda tx: tx.get(GroupRepository).remove("g-1"),
    ]
    for remove in removals:
        with pytest.raises(Conflict), told.write() as tx:
            remove(tx)
    with told.write() as tx:
        tx.get(NotificationRules).remove("r-1")
        for remove in removals:
            remove(tx)
        with pytest.raises(NotFound):
            tx.get(NotificationRules).remove("r-1")


def test_what_was_told_is_remembered_and_forgotten_with_the_rule(told: Registry) -> None:
    first = RuleMemory({"a": NotifiedAlarm(1, 2, 1), "b": NotifiedAlarm(3, 3)}, (1, 3), (2,))
    second = RuleMemory({"b": NotifiedAlarm(3, 9, 2), "c": NotifiedAlarm(9, 9)}, (9,), (2,))
    with told.write() as tx:
        memory = tx.get(NotificationMemory)
        memory.remember("r-1", RuleMemory(), first)
        assert memory.recall(["r-1", "r-9"]) == {"r-1": first}
        memory.remember("r-1", first, second)
        assert memory.recall(["r-1"]) == {"r-1": second}
        memory.remember("r-9", RuleMemory(), first)
        tx.get(NotificationRules).remove("r-1")
        assert memory.recall(["r-1", "r-9"]) == {}


def test_alarms_are_seen_with_name_and_places(told: Registry) -> None:
    with told.write() as tx:
        alarms, memory = tx.get(AlarmRepository), tx.get(NotificationMemory)
        before = memory.mark()
        alarms.add([alarm("a-1", raised_us=10), alarm("a-2", asset_id="lamp-2", raised_us=11)])
        alarms.add([alarm("a-3", tenant_id="speyer", asset_id="gone", raised_us=12)])
        shelved = alarm("a-4", asset_id="lamp-2", name="door_open", raised_us=13, shelved_until_us=50, shelved_by="Eva")
        alarms.add([shelved])
        raised = memory.mark()
        alarms.acknowledge("a-2", "Eva", 20, None)
        alarms.clear(["a-1"], 30)
        assert len({before, raised, memory.mark()}) == 3
        seen = {s.alarm_id: s for s in memory.seen({"kl"}, {"a-1", "a-9"}, 40)}
        assert {i: (s.device, s.quiet, s.cleared_us, s.places) for i, s in seen.items()} == {
            "a-1": ("lamp-1", False, 30, (GroupPlace("g-1", "Fauthweg"),)),
            "a-2": ("lamp-2", True, None, ()),
            "a-4": ("lamp-2", True, None, ()),
        }
        assert [s.alarm_id for s in memory.seen({"kl"}, (), 50) if not s.quiet] == ["a-4"]
        assert [s.device for s in memory.seen({"speyer"}, (), 40)] == ["gone"]


def test_deliveries_go_from_queued_to_their_end(told: Registry) -> None:
    with told.write() as tx:
        deliveries = tx.get(DeliveryQueue)
        queued = [
            delivery("d-1"),
            delivery("d-2", created_us=90, next_attempt_us=500),
            delivery("d-3", target_id="t-2"),
        ]
        assert deliveries.add(queued) == 0
        assert deliveries.add([delivery("d-1", subject="another")]) == 0
        assert [d.delivery_id for d in deliveries.due(100)] == ["d-1", "d-3"]
        assert [d.delivery_id for d in deliveries.due(500)] == ["d-2", "d-1", "d-3"]
        failed = replace(queued[0], attempts=1, reason="away", next_attempt_us=300)
        deliveries.put(failed)
        assert deliveries.get("d-1") == failed
        deliveries.put(replace(failed, attempts=2, state=NotificationState.SENT, reason=None, final_us=310))
        assert [d.delivery_id for d in deliveries.due(10**9)] == ["d-2", "d-3"]
        assert deliveries.count() == {
            NotificationState.QUEUED: 2,
            NotificationState.SENT: 1,
            NotificationState.FAILED: 0,
        }
        with pytest.raises(NotFound):
            deliveries.get("d-9")


def test_what_would_fail_for_the_same_reason_waits(told: Registry) -> None:
    with told.write() as tx:
        deliveries = tx.get(DeliveryQueue)
        deliveries.add([delivery("d-1"), delivery("d-2", next_attempt_us=900)])
        deliveries.add([delivery("d-3", target_id="t-2", channel=NotificationChannel.WEBHOOK)])
        deliveries.postpone(400, NotificationChannel.EMAIL)
        assert [d.delivery_id for d in deliveries.due(399)] == ["d-3"]
        assert [deliveries.get(i).next_attempt_us for i in ("d-1", "d-2")] == [400, 900]
        deliveries.postpone(500, NotificationChannel.WEBHOOK, "t-9")
        deliveries.postpone(600, NotificationChannel.WEBHOOK, "t-2")
        assert deliveries.get("d-3").next_attempt_us == 600


def test_what_waits_is_bounded_and_the_oldest_fail(told: Registry) -> None:
    with told.write() as tx:
        deliveries = tx.get(DeliveryQueue)
        many = [delivery(f"d-{n:03}", created_us=100 + n) for n in range(WAITING_MOST + 3)]
        assert deliveries.add(many) == 3
        assert [d.delivery_id for d in deliveries.find(state=NotificationState.FAILED).items] == [
            "d-002",
            "d-001",
            "d-000",
        ]
        assert deliveries.count()[NotificationState.QUEUED] == WAITING_MOST
        assert deliveries.give_up(100 + WAITING_MOST, DAY_US) == WAITING_MOST - 3
        assert "24 hours" in str(deliveries.get("d-050").reason)
        deliveries.trim(keep=5)
        assert deliveries.count() == {
            NotificationState.QUEUED: 3,
            NotificationState.SENT: 0,
            NotificationState.FAILED: 5,
        }


def test_deliveries_are_listed_newest_first_and_filtered(told: Registry) -> None:
    with told.write() as tx:
        deliveries = tx.get(DeliveryQueue)
        deliveries.add([delivery(f"d-{n}", created_us=100 + n) for n in range(3)])
        deliveries.add([delivery("d-7", kind=None), delivery("d-8", kind="fire_drone"), delivery("d-9", tenant_id="x")])
        page = deliveries.find(kinds={"streetlight"}, tenant_ids={"kl"}, limit=2)
        assert [d.delivery_id for d in page.items] == ["d-2", "d-1"]
        rest = deliveries.find(kinds={"streetlight"}, tenant_ids={"kl"}, limit=2, cursor=page.next_cursor)
        assert [d.delivery_id for d in rest.items] == ["d-7", "d-0"]


def test_a_target_fails_until_something_reaches_it_or_nobody_wants_it(told: Registry) -> None:
    with told.write() as tx:
        deliveries, targets = tx.get(DeliveryQueue), tx.get(NotificationTargets)
        deliveries.add([delivery("d-1"), delivery("d-2"), delivery("d-3", target_id="t-9")])
        for name, at_us in (("d-1", 200), ("d-3", 200)):
            deliveries.put(replace(deliveries.get(name), state=NotificationState.FAILED, final_us=at_us))
        assert deliveries.failing(100) == 1
        assert deliveries.failing(201) == 0
        deliveries.put(replace(delivery("d-2"), state=NotificationState.SENT, final_us=300))
        assert deliveries.failing(100) == 0
        deliveries.put(replace(delivery("d-2"), state=NotificationState.FAILED, final_us=300))
        targets.put(replace(targets.get("t-1"), enabled=False))
        assert deliveries.failing(100) == 0
