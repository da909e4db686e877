"""Takes what is queued and tries until it has arrived, or failed for good."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from application.health.faults import SystemFault
from application.notifications.deliveries import GIVE_UP_US, NotificationDelivery, NotificationState, retry_us
from application.notifications.errors import NotDelivered, Undeliverable
from application.notifications.rules import NotificationChannel, NotificationTarget
from application.ports.notifications import DeliveryQueue, NotificationTargets
from application.ports.registry import Registry, RegistryTransaction
from devices.errors import CodedError, LauternError, NotFound
from devices.time_us import DAY_US, SECOND_US
from devices.wording.catalogue import CodedText
from gateway.notifications.delivery_attempts import DeliveryAttempt, DeliveryAttempts

log = structlog.get_logger()
LOOK_US: Final = SECOND_US // 2
TIDY_US: Final = 10 * SECOND_US
FAILED_LATELY_US: Final = DAY_US
MAILS_AT_ONCE: Final = 2

Begin = Callable[[NotificationDelivery, NotificationTarget], DeliveryAttempt]


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """How sending goes, for the heartbeat and the metrics."""

    counts: Mapping[NotificationState, int] = field(default_factory=dict)
    failing: int = 0
    """Targets whose last message failed for good within a day."""
    mail_away: bool = False
    success_us: int | None = None

    @property
    def fault(self) -> SystemFault | None:
        """What is wrong, the cause before its consequences."""
        if self.mail_away:
            return SystemFault.MAIL_AWAY
        return SystemFault.NOTIFICATION_FAILED if self.failing else None


class NotificationSender:
    """`send_due` is called often, from one thread. An attempt that a crash cuts off is made again, with the same id."""

    def __init__(
        self, registry: Registry, channels: Mapping[NotificationChannel, Begin], attempts: DeliveryAttempts
    ) -> None:
        self._registry = registry
        self._channels = channels
        self._attempts = attempts
        self._under_way: dict[str, NotificationDelivery] = {}
        self._ended: list[tuple[str, LauternError | None]] = []
        self._looked_us = self._tidied_us = 0
        self.standing = QueueStatus()

    def send_due(self, now_us: int) -> bool:
        """Record what ended, begin what is due. Raises RegistryUnavailable: nothing is lost, call again."""
        worked = self._record(now_us)
        if not 0 <= now_us - self._tidied_us < TIDY_US:
            self._tidy(now_us)
            self._tidied_us = now_us
        if worked or not 0 <= now_us - self._looked_us < LOOK_US:
            self._looked_us = now_us
            self._begin(now_us)
        return worked

    def close(self) -> None:
        """Cut what is under way; it is tried again after the next start."""
        self._attempts.close()

    def _record(self, now_us: int) -> bool:
        """What cannot be recorded now is held until it can be: forgotten, it would be sent twice."""
        self._ended += self._attempts.ended()
        if not self._ended:
            return False
        with self._registry.write() as tx:
            for delivery_id, error in self._ended:
                _settle(tx, self._under_way[delivery_id], error, now_us)
        for delivery_id, error in self._ended:
            self._note(self._under_way.pop(delivery_id), error, now_us)
        self._ended.clear()
        return True

    def _note(self, delivery: NotificationDelivery, error: LauternError | None, now_us: int) -> None:
        if error is None:
            self.standing = replace(self.standing, success_us=now_us)
        else:
            log.warning("not_delivered", delivery=delivery.delivery_id, channel=delivery.channel, reason=error.detail)
        if delivery.channel is NotificationChannel.EMAIL:
            away = isinstance(error, NotDelivered) and error.all_of_channel
            self.standing = replace(self.standing, mail_away=away)

    def _tidy(self, now_us: int) -> None:
        """Fail what is too old, drop what is too much, and count; rarely."""
        with self._registry.write() as tx:
            deliveries = tx.get(DeliveryQueue)
            deliveries.give_up(now_us - GIVE_UP_US, now_us)
            deliveries.trim()
            counts, failing = deliveries.count(), deliveries.failing(now_us - FAILED_LATELY_US)
        mail_away = self.standing.mail_away and counts[NotificationState.QUEUED] > 0
        self.standing = replace(self.standing, counts=counts, failing=failing, mail_away=mail_away)

    def _begin(self, now_us: int) -> None:
        if self._attempts.free() <= 0:
            return
        with self._registry.read() as tx:
            due = tx.get(DeliveryQueue).due(now_us)
            targets = {target_id: _target(tx, target_id) for target_id in {d.target_id for d in due}}
        for delivery in self._next(due):
            self._under_way[delivery.delivery_id] = delivery
            self._attempts.begin(delivery.delivery_id, self._attempt(delivery, targets[delivery.target_id]))

    def _next(self, due: Sequence[NotificationDelivery]) -> list[NotificationDelivery]:
        """The oldest of each target that has none under way, as many as may run; mails few at a time."""
        busy = {d.target_id for d in self._under_way.values()}
        mails = sum(d.channel is NotificationChannel.EMAIL for d in self._under_way.values())
        chosen: list[NotificationDelivery] = []
        for delivery in due:
            is_mail = delivery.channel is NotificationChannel.EMAIL
            if delivery.target_id in busy or (is_mail and mails >= MAILS_AT_ONCE):
                continue
            if len(chosen) == self._attempts.free():
                break
            busy.add(delivery.target_id)
            mails += is_mail
            chosen.append(delivery)
        return chosen

    def _attempt(self, delivery: NotificationDelivery, target: NotificationTarget | None) -> DeliveryAttempt:
        if target is None or not target.enabled:
            return _Hopeless()
        return self._channels[delivery.channel](delivery, target)


class _Hopeless:
    def run(self) -> None:
        """See Attempt."""
        raise Undeliverable("target_off")

    def cut(self) -> None:
        """See Attempt."""


def _target(tx: RegistryTransaction, target_id: str) -> NotificationTarget | None:
    try:
        return tx.get(NotificationTargets).get(target_id)
    except NotFound:
        return None


def _settle(tx: RegistryTransaction, delivery: NotificationDelivery, error: LauternError | None, now_us: int) -> None:
    """Record how an attempt ended, and let wait what would fail for the same reason."""
    attempts = delivery.attempts + 1
    deliveries = tx.get(DeliveryQueue)
    if isinstance(error, NotDelivered):
        next_us = retry_us(attempts, now_us)
        deliveries.put(
            replace(delivery, attempts=attempts, reason=error.detail, coded=_coded(error), next_attempt_us=next_us)
        )
        deliveries.postpone(next_us, delivery.channel, None if error.all_of_channel else delivery.target_id)
        return
    state, reason = (
        (NotificationState.SENT, None) if error is None else (NotificationState.FAILED, error.detail or error.title)
    )
    coded = None if error is None else _coded(error)
    deliveries.put(replace(delivery, attempts=attempts, state=state, reason=reason, coded=coded, final_us=now_us))


def _coded(error: LauternError) -> CodedText:
    return CodedText(error.code, error.reason.params if isinstance(error, CodedError) else {})
