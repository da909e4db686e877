"""Targets, rules, what was told, and the messages on their way."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from application.notifications.deliveries import NotificationDelivery, NotificationState
from application.notifications.rule_evaluation import AlarmSnapshot, RuleMemory
from application.notifications.rules import NotificationChannel, NotificationRule, NotificationTarget
from application.ports.paging import ResultPage


class NotificationTargets(Protocol):
    """Where messages may go."""

    def put(self, target: NotificationTarget) -> NotificationTarget:
        """Create (version 0 given) or replace (current version given). Raises Conflict, NotFound, VersionMismatch."""

    def get(self, target_id: str) -> NotificationTarget:
        """Raises NotFound."""

    def list(self, tenant_ids: Collection[str] | None = None) -> Sequence[NotificationTarget]:
        """In order of id."""

    def remove(self, target_id: str) -> None:
        """Raises NotFound, Conflict while a rule names it."""


class NotificationRules(Protocol):
    """Who is told of what."""

    def put(self, rule: NotificationRule) -> NotificationRule:
        """Create (version 0 given) or replace (current version given).

        Raises NotFound, VersionMismatch, Conflict when it exists or a target or group is none of its tenant.
        """

    def get(self, rule_id: str) -> NotificationRule:
        """Raises NotFound."""

    def list(self, tenant_ids: Collection[str] | None = None) -> Sequence[NotificationRule]:
        """In order of id."""

    def remove(self, rule_id: str) -> None:
        """With what it remembers. Raises NotFound."""


class NotificationMemory(Protocol):
    """What the gateway knows of alarms and has told of them."""

    def mark(self) -> tuple[int, int]:
        """A pair that differs whenever an alarm began or ended; cheap."""

    def seen(self, tenant_ids: Collection[str], alarm_ids: Collection[str], now_us: int) -> Sequence[AlarmSnapshot]:
        """Open alarms of these tenants, and these alarms as far as they exist; `restricted` is left false."""

    def recall(self, rule_ids: Collection[str]) -> Mapping[str, RuleMemory]:
        """What rules remember; those that remember nothing are left out."""

    def remember(self, rule_id: str, before: RuleMemory, after: RuleMemory) -> None:
        """Bring what is kept from one state to another."""


class DeliveryQueue(Protocol):
    """Messages on their way, and the newest that are sent or failed."""

    def add(self, deliveries: Sequence[NotificationDelivery]) -> int:
        """Queue; a known id changes nothing. Past 100 waiting for a target the oldest fail; returns how many did."""

    def get(self, delivery_id: str) -> NotificationDelivery:
        """Raises NotFound."""

    def find(
        self,
        *,
        tenant_ids: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
        state: NotificationState | None = None,
        target_id: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> ResultPage[NotificationDelivery]:
        """Newest first. `kinds` given excludes messages on other kinds; tests are of none and stay."""

    def due(self, now_us: int, limit: int = 50) -> Sequence[NotificationDelivery]:
        """Queued ones whose time has come, oldest first."""

    def put(self, delivery: NotificationDelivery) -> None:
        """Record how an attempt ended: state, attempts, next attempt, reason."""

    def postpone(self, until_us: int, channel: NotificationChannel, target_id: str | None = None) -> None:
        """Let all that go by a channel, or only to one target, wait until then."""

    def give_up(self, before_us: int, now_us: int) -> int:
        """Fail what is queued since before then; returns how many."""

    def failing(self, since_us: int) -> int:
        """How many targets, enabled ones, last ended in failure, and that since then."""

    def count(self) -> Mapping[NotificationState, int]:
        """How many there are in each state."""

    def trim(self, keep: int = 5_000) -> None:
        """Drop all that are sent or failed but the newest."""
