"""Messages on alarms: what was sent to whom, what waits, what failed and why."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, JsonValue

from api.authentication import Who
from api.fields import ID, IdInPath
from api.paging import ItemPage, PageWanted, page_of
from api.problems import plain_params
from api.services import Use
from api.time_parameters import TimeOut
from application.notifications.deliveries import NotificationDelivery, NotificationState
from application.notifications.rule_evaluation import NotificationOccasion
from application.notifications.rules import NotificationChannel
from application.ports.notifications import DeliveryQueue
from devices.errors import NotFound

router = APIRouter(prefix="/notifications", tags=["notifications"])


class NotificationSchema(BaseModel):
    """One message to one target; `reason` says in English why the last attempt failed, `reason_code` the same."""

    id: str
    tenant_id: str
    target_id: str
    channel: NotificationChannel
    rule_id: str | None
    occasion: NotificationOccasion
    kind: str | None
    """Kind of the devices it tells of; null for a test."""
    alarms: int
    subject: str
    state: NotificationState
    created_at: TimeOut
    attempts: int
    next_attempt_at: TimeOut | None
    final_at: TimeOut | None
    reason: str | None
    reason_code: str | None
    reason_params: dict[str, JsonValue]


@router.get("")
def list_notifications(
    who: Who,
    services: Use,
    page: PageWanted,
    state: Annotated[NotificationState | None, Query()] = None,
    target: Annotated[str | None, Query(pattern=ID)] = None,
) -> ItemPage[NotificationSchema]:
    """List messages on devices of the kinds that the caller may read, newest first."""
    kinds = who.kinds(services.catalog)
    if not kinds:
        return ItemPage[NotificationSchema](items=[])
    with services.registry.read() as tx:
        found = tx.get(DeliveryQueue).find(
            tenant_ids=who.tenants(),
            kinds=kinds,
            state=state,
            target_id=target,
            limit=page.limit,
            cursor=page.cursor,
        )
    return page_of(found, notification_schema)


@router.get("/{notification_id}")
def get_notification(notification_id: IdInPath, who: Who, services: Use) -> NotificationSchema:
    """Show one message."""
    kinds = who.kinds(services.catalog)
    with services.registry.read() as tx:
        found = tx.get(DeliveryQueue).get(notification_id)
    if not kinds or not who.is_at_home(found.tenant_id) or (found.kind is not None and found.kind not in kinds):
        raise NotFound
    return notification_schema(found)


def notification_schema(delivery: NotificationDelivery) -> NotificationSchema:
    """Show a message without its text."""
    return NotificationSchema(
        id=delivery.delivery_id,
        tenant_id=delivery.tenant_id,
        target_id=delivery.target_id,
        channel=delivery.channel,
        rule_id=delivery.rule_id,
        occasion=delivery.occasion,
        kind=delivery.kind,
        alarms=delivery.alarms,
        subject=delivery.subject,
        state=delivery.state,
        created_at=delivery.created_us,
        attempts=delivery.attempts,
        next_attempt_at=delivery.next_attempt_us if delivery.state is NotificationState.QUEUED else None,
        final_at=delivery.final_us,
        reason=delivery.reason,
        reason_code=None if delivery.coded is None else delivery.coded.code,
        reason_params={} if delivery.coded is None else plain_params(delivery.coded),
    )
