"""Looks at the alarms and queues what the rules want told; what it must not forget is in the registry."""

import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

import structlog

from application.notifications.deliveries import NotificationDelivery
from application.notifications.rule_evaluation import (
    AlarmSnapshot,
    NotificationMessage,
    RuleMemory,
    RuleResult,
    evaluate_rule,
)
from application.notifications.rules import NotificationChannel, NotificationRule, NotificationTarget
from application.notifications.wording import MessageWording, webhook_payload
from application.ports.notifications import DeliveryQueue, NotificationMemory, NotificationRules, NotificationTargets
from application.ports.registry import Registry, RegistryTransaction
from devices.kind_catalog import KindCatalog
from devices.time_us import SECOND_US
from gateway.watched_loops import PASSING

log = structlog.get_logger()
LOOK_US: Final = SECOND_US
"""So often it looks whether alarms came or went."""
IDLE_TIMES: Final = 20
"""After a look it rests so many times as long as that took: in a blackout tens of thousands of alarms are open."""


@dataclass(frozen=True, slots=True)
class _Due:
    rule: NotificationRule
    before: RuleMemory
    outcome: RuleResult


class AlarmWatcher:
    """`queue_due` is called often; what time alone makes due is queued by `queue_reminders`."""

    def __init__(self, registry: Registry, catalog: KindCatalog, wording: MessageWording) -> None:
        self._lock = threading.Lock()
        self._registry = registry
        self._catalog = catalog
        self._wording = wording
        self._mark: tuple[object, ...] = ()
        self._looked_us = 0
        self._rests_until = 0.0
        self._breaking: set[str] = set()
        self.dropped = 0
        """Messages since start that failed as too many waited for their target."""
        self.broken: frozenset[str] = frozenset()
        """Rules that could not be followed at the last look, by an error of ours; each is in the log."""

    def queue_due(self, now_us: int) -> bool:
        """Queue what is due as alarms or rules changed; tells whether there was any. Raises RegistryUnavailable."""
        if 0 <= now_us - self._looked_us < LOOK_US or time.monotonic() < self._rests_until:
            return False
        with self._lock:
            return self._timed_look(now_us, whole=False) > 0

    def queue_reminders(self, now_us: int) -> int:
        """Look at all alarms, as time passed: reminders, hours on duty. Returns how many rules had something to tell.

        Called in time, late, or twice, it queues the same. Raises RegistryUnavailable.
        """
        with self._lock:
            return 0 if time.monotonic() < self._rests_until else self._timed_look(now_us, whole=True)

    def _timed_look(self, now_us: int, *, whole: bool) -> int:
        began = time.monotonic()
        try:
            return self._look(now_us, whole=whole)
        finally:
            ended = time.monotonic()
            self._rests_until = ended + IDLE_TIMES * (ended - began)

    def _look(self, now_us: int, *, whole: bool) -> int:
        with self._registry.read() as tx:
            rules = tx.get(NotificationRules).list()
            mark = (tx.get(NotificationMemory).mark(), tuple((r.rule_id, r.version) for r in rules)) if rules else ()
            self._looked_us = now_us
            if not rules or (mark == self._mark and not whole):
                return 0
            self._breaking.clear()
            due = list(self._due(tx, rules, now_us))
        self._commit(due, now_us)
        self.broken = frozenset(self._breaking)
        self._mark = mark
        return len(due)

    def _due(self, tx: RegistryTransaction, rules: Sequence[NotificationRule], now_us: int) -> Iterator[_Due]:
        memory = tx.get(NotificationMemory)
        memories = memory.recall([r.rule_id for r in rules])
        told = {alarm_id for m in memories.values() for alarm_id in m.told}
        by_tenant: dict[str, dict[str, AlarmSnapshot]] = {}
        for alarm in memory.seen({r.tenant_id for r in rules if r.enabled}, told, now_us):
            by_tenant.setdefault(alarm.tenant_id, {})[alarm.alarm_id] = self._marked(alarm)
        for rule in rules:
            before = memories.get(rule.rule_id, RuleMemory())
            outcome = RuleResult(before, ())
            with self._guarded(rule):
                outcome = evaluate_rule(rule, before, by_tenant.get(rule.tenant_id, {}), now_us)
            if outcome.messages or outcome.memory != before:
                yield _Due(rule, before, outcome)

    def _marked(self, alarm: AlarmSnapshot) -> AlarmSnapshot:
        """Say whether it is restricted; a kind that is not known any more counts as such."""
        kind = self._catalog.get(alarm.kind)
        return replace(alarm, restricted=True) if kind is None or kind.restricted else alarm

    def _commit(self, due: Sequence[_Due], now_us: int) -> None:
        """Queue the messages and remember them, together or not at all; a rule changed meanwhile is asked again."""
        if not due:
            return
        with self._registry.write() as tx:
            current = {r.rule_id: r.version for r in tx.get(NotificationRules).list()}
            targets = {t.target_id: t for t in tx.get(NotificationTargets).list()}
            queued: list[NotificationDelivery] = []
            written: list[_Due] = []
            for one in due:
                if current.get(one.rule.rule_id) == one.rule.version:
                    with self._guarded(one.rule):
                        messages = one.outcome.messages
                        queued += [d for m in messages for d in self._deliveries(one.rule, m, targets, now_us)]
                        written.append(one)
            for one in written:
                tx.get(NotificationMemory).remember(one.rule.rule_id, one.before, one.outcome.memory)
            dropped = tx.get(DeliveryQueue).add(queued) if queued else 0
        self.dropped += dropped
        if queued:
            log.info("notifications_queued", number=len(queued), dropped=dropped)

    @contextmanager
    def _guarded(self, rule: NotificationRule) -> Iterator[None]:
        """One rule must not keep all others waiting, or end the gateway; it is tried again at each look."""
        try:
            yield
        except PASSING:
            raise
        except Exception:
            if rule.rule_id not in self.broken:
                log.exception("notification_rule_broke", rule=rule.rule_id)
            self._breaking.add(rule.rule_id)

    def _deliveries(
        self,
        rule: NotificationRule,
        message: NotificationMessage,
        targets: Mapping[str, NotificationTarget],
        now_us: int,
    ) -> Iterator[NotificationDelivery]:
        for target_id in dict.fromkeys(message.target_ids):
            target = targets.get(target_id)
            if target is None or not target.enabled:
                continue
            delivery_id = uuid.uuid4().hex
            subject, body = self._written(rule, message, target, delivery_id, now_us)
            yield NotificationDelivery(
                delivery_id=delivery_id,
                tenant_id=rule.tenant_id,
                target_id=target_id,
                channel=target.channel,
                occasion=message.occasion,
                subject=subject,
                body=body,
                created_us=now_us,
                next_attempt_us=now_us,
                rule_id=rule.rule_id,
                kind=message.alarms[0].kind,
                alarms=len(message.alarms),
            )

    def _written(
        self,
        rule: NotificationRule,
        message: NotificationMessage,
        target: NotificationTarget,
        delivery_id: str,
        now_us: int,
    ) -> tuple[str, str]:
        words = self._wording.words(message, rule, target.language)
        if target.channel is NotificationChannel.EMAIL:
            return words.subject, words.body
        data = self._wording.data(message, rule, target.language)
        return words.subject, webhook_payload(delivery_id, message.occasion, now_us, data)
