"""Messages on their way to a target, and the newest that are sent or failed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, tuple_, update

from application.notifications.deliveries import KEPT, WAITING_MOST, NotificationDelivery, NotificationState
from application.notifications.rule_evaluation import NotificationOccasion
from application.notifications.rules import NotificationChannel
from application.ports.paging import ResultPage
from devices.errors import NotFound
from devices.wording.catalogue import CodedText
from storage.registry.notification_tables import DELIVERIES, ENDED, TARGETS, WAITING
from storage.registry.paging import newest_first
from storage.registry.row_statements import in_chunks, insert_new

TABLE = DELIVERIES
TOO_MANY = CodedText("queue_full")
TOO_LONG = CodedText("given_up")


class SqlDeliveryQueue:
    """Deliveries."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, deliveries: Sequence[NotificationDelivery]) -> int:
        """Queue; a known id changes nothing. Past 100 waiting for a target the oldest fail; returns how many did."""
        insert_new(self._connection, TABLE, [_row(delivery) for delivery in deliveries])
        now_us = max((d.created_us for d in deliveries), default=0)
        return sum(self._make_room(target_id, now_us) for target_id in {d.target_id for d in deliveries})

    def get(self, delivery_id: str) -> NotificationDelivery:
        """Raises NotFound."""
        row = self._connection.execute(select(TABLE).where(TABLE.c.delivery_id == delivery_id)).one_or_none()
        if row is None:
            raise NotFound(delivery_id)
        return _delivery(row)

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
        query = select(TABLE)
        if tenant_ids is not None:
            query = query.where(TABLE.c.tenant_id.in_(tenant_ids))
        if kinds is not None:
            query = query.where(TABLE.c.kind.is_(None) | TABLE.c.kind.in_(kinds))
        if state is not None:
            query = query.where(TABLE.c.state == state.value)
        if target_id is not None:
            query = query.where(TABLE.c.target_id == target_id)
        order = (TABLE.c.created_us, TABLE.c.delivery_id)
        rows, following = newest_first(self._connection, query, order, limit, cursor)
        return ResultPage([_delivery(row) for row in rows], following)

    def due(self, now_us: int, limit: int = 50) -> Sequence[NotificationDelivery]:
        """Queued ones whose time has come, oldest first."""
        query = select(TABLE).where(WAITING, TABLE.c.next_attempt_us <= now_us)
        rows = self._connection.execute(query.order_by(TABLE.c.created_us, TABLE.c.delivery_id).limit(limit))
        return [_delivery(row) for row in rows]

    def put(self, delivery: NotificationDelivery) -> None:
        """Record how an attempt ended: state, attempts, next attempt, reason."""
        values = {
            "state": delivery.state.value,
            "attempts": delivery.attempts,
            "next_attempt_us": delivery.next_attempt_us,
            "reason": delivery.reason,
            "reason_coded": _coded(delivery.coded),
            "final_us": delivery.final_us,
        }
        self._connection.execute(update(TABLE).where(TABLE.c.delivery_id == delivery.delivery_id).values(values))

    def postpone(self, until_us: int, channel: NotificationChannel, target_id: str | None = None) -> None:
        """Let all that go by a channel, or only to one target, wait until then."""
        which = update(TABLE).where(WAITING, TABLE.c.channel == channel.value, TABLE.c.next_attempt_us < until_us)
        if target_id is not None:
            which = which.where(TABLE.c.target_id == target_id)
        self._connection.execute(which.values(next_attempt_us=until_us))

    def give_up(self, before_us: int, now_us: int) -> int:
        """Fail what is queued since before then; returns how many."""
        late = update(TABLE).where(WAITING, TABLE.c.created_us < before_us)
        values = {"state": NotificationState.FAILED.value, "final_us": now_us}
        never = late.where(TABLE.c.reason.is_(None)).values({**values, **_reason(TOO_LONG)})
        return self._connection.execute(never).rowcount + self._connection.execute(late.values(values)).rowcount

    def failing(self, since_us: int) -> int:
        """How many targets, enabled ones, last ended in failure, and that since then."""
        query = select(TABLE.c.target_id, TABLE.c.state, func.max(TABLE.c.final_us)).where(
            ENDED, TABLE.c.final_us >= since_us
        )
        last: dict[str, tuple[int, str]] = {}
        for target_id, state, at_us in self._connection.execute(query.group_by(TABLE.c.target_id, TABLE.c.state)):
            last[target_id] = max(last.get(target_id, (0, "")), (at_us, state))
        failed = [target_id for target_id, (_, state) in last.items() if state == NotificationState.FAILED.value]
        alive = select(func.count()).select_from(TARGETS).where(TARGETS.c.enabled)
        return sum(
            self._connection.execute(alive.where(TARGETS.c.target_id.in_(some))).scalar_one()
            for some in in_chunks(failed)
        )

    def count(self) -> Mapping[NotificationState, int]:
        """How many there are in each state."""
        query = select(TABLE.c.state, func.count()).group_by(TABLE.c.state)
        found = {NotificationState(state): number for state, number in self._connection.execute(query)}
        return {state: found.get(state, 0) for state in NotificationState}

    def trim(self, keep: int = KEPT) -> None:
        """Drop all that are sent or failed but the newest."""
        order = (TABLE.c.final_us.desc(), TABLE.c.delivery_id.desc())
        query = select(TABLE.c.final_us, TABLE.c.delivery_id).where(ENDED).order_by(*order).offset(keep).limit(1)
        last = self._connection.execute(query).one_or_none()
        if last is not None:
            old = tuple_(TABLE.c.final_us, TABLE.c.delivery_id) <= tuple_(*last)
            self._connection.execute(delete(TABLE).where(ENDED, old))

    def _make_room(self, target_id: str, now_us: int) -> int:
        order = (TABLE.c.created_us.desc(), TABLE.c.delivery_id.desc())
        waiting = select(TABLE.c.delivery_id).where(WAITING, TABLE.c.target_id == target_id).order_by(*order)
        over = list(self._connection.execute(waiting.offset(WAITING_MOST)).scalars())
        values = {"state": NotificationState.FAILED.value, "final_us": now_us, **_reason(TOO_MANY)}
        for some in in_chunks(over):
            self._connection.execute(update(TABLE).where(TABLE.c.delivery_id.in_(some)).values(values))
        return len(over)


def _row(delivery: NotificationDelivery) -> dict[str, Any]:
    return {
        "delivery_id": delivery.delivery_id,
        "tenant_id": delivery.tenant_id,
        "target_id": delivery.target_id,
        "channel": delivery.channel.value,
        "rule_id": delivery.rule_id,
        "occasion": delivery.occasion.value,
        "kind": delivery.kind,
        "alarms": delivery.alarms,
        "subject": delivery.subject,
        "body": delivery.body,
        "state": delivery.state.value,
        "created_us": delivery.created_us,
        "next_attempt_us": delivery.next_attempt_us,
        "attempts": delivery.attempts,
        "reason": delivery.reason,
        "reason_coded": _coded(delivery.coded),
        "final_us": delivery.final_us,
    }


def _reason(told: CodedText) -> dict[str, Any]:
    return {"reason": told.text(), "reason_coded": _coded(told)}


def _coded(told: CodedText | None) -> dict[str, Any] | None:
    return None if told is None else {"code": told.code, "params": dict(told.params)}


def _delivery(row: Row[Any]) -> NotificationDelivery:
    return NotificationDelivery(
        delivery_id=row.delivery_id,
        tenant_id=row.tenant_id,
        target_id=row.target_id,
        channel=NotificationChannel(row.channel),
        occasion=NotificationOccasion(row.occasion),
        subject=row.subject,
        body=row.body,
        created_us=row.created_us,
        next_attempt_us=row.next_attempt_us,
        rule_id=row.rule_id,
        kind=row.kind,
        alarms=row.alarms,
        state=NotificationState(row.state),
        attempts=row.attempts,
        reason=row.reason,
        coded=None if row.reason_coded is None else CodedText(row.reason_coded["code"], row.reason_coded["params"]),
        final_us=row.final_us,
    )
