"""The alarm book."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, JsonValue

from api import seeing
from api.access import Caller
from api.authentication import Who, needs
from api.fields import ID, Body, Comment, RecordInPath
from api.paging import Items, PageWanted, page_of
from api.recording import of, record
from api.services import Use
from api.times import TimeOut
from devices import alarms
from devices.messages import Severity
from devices.ports.alarms import Alarms
from devices.ports.registry import Transaction

ACKNOWLEDGE = "alarms:acknowledge"
Watcher = Annotated[Caller, needs(ACKNOWLEDGE, in_part=True)]
router = APIRouter(prefix="/alarms", tags=["alarms"])


class Alarm(BaseModel):
    """A condition at a device, from `since` until `cleared_at`."""

    id: str
    asset_id: str
    tenant_id: str
    kind: str
    name: str
    part: str
    severity: Severity
    since: TimeOut
    raised_at: TimeOut
    cleared_at: TimeOut | None
    acknowledged_at: TimeOut | None
    acknowledged_by: str | None
    comment: str | None
    details: dict[str, JsonValue]


class Acknowledgement(Body):
    """What the one who has seen it says."""

    comment: Comment | None = None


@router.get("")
def list_alarms(
    who: Who,
    services: Use,
    page: PageWanted,
    kind: Annotated[str | None, Query(max_length=64)] = None,
    device: Annotated[str | None, Query(pattern=ID)] = None,
    *,
    only_open: Annotated[bool, Query(alias="open", description="Only those not cleared.")] = False,
) -> Items[Alarm]:
    """List alarms, newest first."""
    visible = seeing.visible(who, services.catalog, kind)
    with services.registry.read() as tx:
        found = tx.get(Alarms).find(
            tenant_ids=who.tenants(),
            kinds=visible.kinds,
            also=visible.assets,
            asset_id=device,
            only_open=only_open,
            limit=page.limit,
            cursor=page.cursor,
        )
    return page_of(found, _show)


@router.get("/{alarm_id}")
def get_alarm(alarm_id: RecordInPath, who: Who, services: Use) -> Alarm:
    """Show one alarm."""
    with services.registry.read() as tx:
        return _show(_find(tx, who, alarm_id))


@router.post("/{alarm_id}/acknowledge")
def acknowledge_alarm(alarm_id: RecordInPath, who: Watcher, services: Use, body: Acknowledgement) -> Alarm:
    """Say that somebody has seen it; it stays open until its condition ends. Needs `alarms:acknowledge`."""
    with services.registry.write() as tx:
        who.require_on(ACKNOWLEDGE, _find(tx, who, alarm_id).asset_id)
        seen = tx.get(Alarms).acknowledge(alarm_id, who.name, services.now_us(), body.comment)
        thing = of(seen.kind, seen.asset_id, "alarm", alarm_id)
        detail = {"name": seen.name, "comment": body.comment}
        record(tx, who, "alarm.acknowledge", thing, detail=detail, tenant_id=seen.tenant_id)
        return _show(seen)


def _find(tx: Transaction, who: Caller, alarm_id: str) -> alarms.Alarm:
    alarm = tx.get(Alarms).get(alarm_id)
    who.must_see_asset(alarm.tenant_id, alarm.kind, alarm.asset_id)
    return alarm


def _show(alarm: alarms.Alarm) -> Alarm:
    return Alarm(
        id=alarm.alarm_id,
        asset_id=alarm.asset_id,
        tenant_id=alarm.tenant_id,
        kind=alarm.kind,
        name=alarm.name,
        part=alarm.part,
        severity=alarm.severity,
        since=alarm.since_us,
        raised_at=alarm.raised_us,
        cleared_at=alarm.cleared_us,
        acknowledged_at=alarm.acknowledged_us,
        acknowledged_by=alarm.acknowledged_by,
        comment=alarm.comment,
        details=dict(alarm.details),
    )
