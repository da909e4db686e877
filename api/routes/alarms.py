"""The alarm book."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, JsonValue

from api.authentication import Who, requires_scope
from api.fields import ID, Comment, RecordInPath, RequestBody
from api.paging import ItemPage, PageWanted, page_of
from api.services import Use
from api.time_parameters import TimeIn, TimeOut
from application.access import authorization
from application.access.actor import Actor
from application.audit.audit_trail import object_name, record_action
from application.inventory.asset_retirement import alarm_change
from application.ports.alarms import AlarmRepository
from application.ports.changes import ChangeFeed
from application.ports.registry import RegistryTransaction
from devices import alarms
from devices.errors import Invalid
from devices.messages import EventSeverity
from devices.time_us import DAY_US, SECOND_US

ACKNOWLEDGE = "alarms:acknowledge"
SHELVE = "alarms:shelve"
LONGEST_SHELF_US: Final = 31 * DAY_US
Watcher = Annotated[Actor, requires_scope(ACKNOWLEDGE, in_part=True)]
Shelver = Annotated[Actor, requires_scope(SHELVE, in_part=True)]
router = APIRouter(prefix="/alarms", tags=["alarms"])


class AlarmNoteSchema(BaseModel):
    """What somebody did to an alarm, or said of it."""

    at: TimeOut
    by: str
    did: str
    text: str


class AlarmSchema(BaseModel):
    """A condition at a device, from `since` until `cleared_at`."""

    id: str
    asset_id: str
    tenant_id: str
    kind: str
    name: str
    part: str
    severity: EventSeverity
    since: TimeOut
    raised_at: TimeOut
    cleared_at: TimeOut | None
    acknowledged_at: TimeOut | None
    acknowledged_by: str | None
    comment: str | None
    shelved_until: TimeOut | None
    """Put aside until then; in the past: no more."""
    shelved_by: str | None
    notes: list[AlarmNoteSchema]
    details: dict[str, JsonValue]


class AcknowledgeRequest(RequestBody):
    """What the one who has seen it says."""

    comment: Comment | None = None


class ShelveRequest(RequestBody):
    """How long nobody is to be bothered, and why; at most 31 days."""

    until: TimeIn | None = None
    duration_s: float | None = Field(None, gt=0, le=LONGEST_SHELF_US / SECOND_US)
    """The same as a duration from now."""
    comment: Comment = ""


class RemarkRequest(RequestBody):
    """Something to be remembered."""

    comment: Annotated[Comment, Field(min_length=1)]


@router.get("")
def list_alarms(
    who: Who,
    services: Use,
    page: PageWanted,
    kind: Annotated[str | None, Query(max_length=64)] = None,
    device: Annotated[str | None, Query(pattern=ID)] = None,
    *,
    only_open: Annotated[bool, Query(alias="open", description="Only those not cleared.")] = False,
    shelved: Annotated[bool | None, Query(description="Only those put aside, or only the others.")] = None,
) -> ItemPage[AlarmSchema]:
    """List alarms, newest first."""
    visible = authorization.visible_things(who, services.catalog, kind)
    with services.registry.read() as tx:
        found = tx.get(AlarmRepository).find(
            tenant_ids=who.tenants(),
            kinds=visible.kinds,
            also=visible.assets,
            asset_id=device,
            only_open=only_open,
            shelved=shelved,
            now_us=services.now_us(),
            limit=page.limit,
            cursor=page.cursor,
        )
    return page_of(found, _show)


@router.get("/{alarm_id}")
def get_alarm(alarm_id: RecordInPath, who: Who, services: Use) -> AlarmSchema:
    """Show one alarm."""
    with services.registry.read() as tx:
        return _show(_find(tx, who, alarm_id))


@router.post("/{alarm_id}/acknowledge")
def acknowledge_alarm(alarm_id: RecordInPath, who: Watcher, services: Use, body: AcknowledgeRequest) -> AlarmSchema:
    """Say that somebody has seen it; it stays open until its condition ends. Needs `alarms:acknowledge`."""
    now_us = services.now_us()
    with services.registry.write() as tx:
        who.require_on(ACKNOWLEDGE, _find(tx, who, alarm_id).asset_id)
        tx.get(AlarmRepository).acknowledge(alarm_id, who.name, now_us, body.comment)
        note = alarms.AlarmNote(now_us, who.name, "acknowledge", body.comment or "")
        return _told(tx, who, tx.get(AlarmRepository).note(alarm_id, note), note)


@router.post("/{alarm_id}/shelve")
def shelve_alarm(alarm_id: RecordInPath, who: Shelver, services: Use, body: ShelveRequest) -> AlarmSchema:
    """Put aside for a time: it is neither counted nor sent to anybody, also when it ends and returns meanwhile.

    Needs `alarms:shelve`.
    """
    now_us = services.now_us()
    until_us = _until(body, now_us)
    with services.registry.write() as tx:
        who.require_on(SHELVE, _find(tx, who, alarm_id).asset_id)
        note = alarms.AlarmNote(now_us, who.name, "shelve", body.comment)
        return _told(tx, who, tx.get(AlarmRepository).shelve(alarm_id, until_us, note), note)


@router.post("/{alarm_id}/unshelve")
def unshelve_alarm(alarm_id: RecordInPath, who: Shelver, services: Use) -> AlarmSchema:
    """Take back from the shelf; needs `alarms:shelve`."""
    now_us = services.now_us()
    with services.registry.write() as tx:
        who.require_on(SHELVE, _find(tx, who, alarm_id).asset_id)
        note = alarms.AlarmNote(now_us, who.name, "unshelve")
        return _told(tx, who, tx.get(AlarmRepository).shelve(alarm_id, None, note), note)


@router.post("/{alarm_id}/comment")
def comment_alarm(alarm_id: RecordInPath, who: Watcher, services: Use, body: RemarkRequest) -> AlarmSchema:
    """Add what is to be remembered; the newest 100 are kept. Needs `alarms:acknowledge`."""
    now_us = services.now_us()
    with services.registry.write() as tx:
        who.require_on(ACKNOWLEDGE, _find(tx, who, alarm_id).asset_id)
        note = alarms.AlarmNote(now_us, who.name, "comment", body.comment)
        return _told(tx, who, tx.get(AlarmRepository).note(alarm_id, note), note)


def _until(body: ShelveRequest, now_us: int) -> int:
    if (body.until is None) == (body.duration_s is None):
        raise Invalid("this_or_other", other="duration_s", field="until")
    until_us = body.until if body.duration_s is None else now_us + round(body.duration_s * SECOND_US)
    if until_us is None or not now_us < until_us <= now_us + LONGEST_SHELF_US:
        raise Invalid("beyond_days", most=31, field="until")
    return until_us


def _told(tx: RegistryTransaction, who: Actor, alarm: alarms.Alarm, note: alarms.AlarmNote) -> AlarmSchema:
    """Show it after what was done with it was told to pages and put on record."""
    tx.get(ChangeFeed).add([alarm_change(alarm, note.at_us)])
    thing = object_name(alarm.kind, alarm.asset_id, "alarm", alarm.alarm_id)
    detail = {"name": alarm.name, "comment": note.text}
    record_action(tx, who, f"alarm.{note.did}", thing, detail=detail, tenant_id=alarm.tenant_id)
    return _show(alarm)


def _find(tx: RegistryTransaction, who: Actor, alarm_id: str) -> alarms.Alarm:
    alarm = tx.get(AlarmRepository).get(alarm_id)
    who.must_see_asset(alarm.tenant_id, alarm.kind, alarm.asset_id)
    return alarm


def _show(alarm: alarms.Alarm) -> AlarmSchema:
    return AlarmSchema(
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
        shelved_until=alarm.shelved_until_us,
        shelved_by=alarm.shelved_by,
        notes=[AlarmNoteSchema(at=note.at_us, by=note.by, did=note.did, text=note.text) for note in alarm.notes],
        details=dict(alarm.details),
    )
