"""Who is told of which alarms, and when."""

import uuid
from datetime import time
from typing import Annotated, Final, Literal, get_args
from zoneinfo import available_timezones

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from api import notification_access
from api.authentication import Who, requires_scope
from api.fields import IdInPath, Name, RequestBody
from api.notification_access import ADMIN
from api.paging import ItemPage
from api.preconditions import Expected, etag
from api.problems import problem_responses
from api.services import Use
from application.access import authorization
from application.access.actor import Actor
from application.audit.audit_trail import object_name, record_action
from application.notifications.duty_hours import ZONE, DutyHours, WeeklySpan, holidays_of
from application.notifications.rules import EscalationStep, NotificationRule
from application.ports.inventory import GroupRepository
from application.ports.notifications import NotificationRules, NotificationTargets
from application.ports.registry import RegistryTransaction
from application.versions import check_version
from devices.errors import Conflict, Invalid, NotFound
from devices.kind_catalog import KindCatalog
from devices.messages import EventSeverity, Id
from devices.time_us import MINUTE_US, SECOND_US

Keeper = Annotated[Actor, requires_scope(ADMIN)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Targets = Annotated[list[Id], Field(min_length=1, max_length=20)]
Minutes = Annotated[int, Field(ge=1, le=7 * 24 * 60)]
_DAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)
router = APIRouter(prefix="/notification-rules", tags=["notifications"])


class DutySpan(RequestBody):
    """From a time until another, on these weekdays; one that is not later ends on the next day."""

    weekdays: Annotated[list[Weekday], Field(min_length=1, max_length=7)]
    begins: Annotated[Clock, Field(alias="from")]
    ends: Annotated[Clock, Field(alias="until")]


class DutySchema(RequestBody):
    """When people want to be told; without spans always. What comes at other times is told when duty begins."""

    zone: Annotated[str, Field(max_length=64)] = ZONE
    spans: Annotated[list[DutySpan], Field(max_length=28)] = Field(default_factory=list)
    region: Annotated[str | None, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")] = None
    """Whose public holidays are off duty, such as `DE-RP`."""


class EscalationSchema(RequestBody):
    """Who else is told when nobody has acknowledged for so long after the first message."""

    after_min: Minutes
    targets: Targets


class RuleSettings(RequestBody):
    """What a rule says."""

    name: Name
    kinds: Annotated[list[Id] | None, Field(min_length=1, max_length=50)] = None
    """Kinds of devices; absent: all that the caller may read, but restricted ones."""
    severities: Annotated[list[Literal["info", "warning", "major", "critical"]], Field(max_length=4)] = Field(
        default_factory=list
    )
    """Empty: all."""
    groups: Annotated[list[Id], Field(max_length=100)] = Field(default_factory=list)
    """Only devices in one of these groups; empty: all."""
    targets: Targets
    duty: DutySchema = Field(default_factory=DutySchema)
    critical_always: bool = False
    """Critical alarms do not wait for the duty hours."""
    gather_s: Annotated[int, Field(ge=5, le=3600)] = 30
    """Alarms of so long go into one message."""
    repeat_min: Minutes | None = None
    """Reminds so often of what is open and not acknowledged."""
    escalation: Annotated[list[EscalationSchema], Field(max_length=5)] = Field(default_factory=list)
    resolved: bool = True
    """Tells the end of what was told."""
    enabled: bool = True


class RuleWanted(RuleSettings):
    """A rule to make."""

    id: Id | None = None
    tenant_id: Id | None = None


class RuleShown(BaseModel):
    """A rule."""

    id: str
    tenant_id: str
    name: str
    kinds: list[str]
    severities: list[EventSeverity]
    groups: list[str]
    targets: list[str]
    duty: DutySchema
    critical_always: bool
    gather_s: int
    repeat_min: int | None
    escalation: list[EscalationSchema]
    resolved: bool
    enabled: bool
    version: int


@router.get("")
def list_rules(who: Who, services: Use) -> ItemPage[RuleShown]:
    """List the rules whose kinds the caller may read, in order of id."""
    with services.registry.read() as tx:
        rules = tx.get(NotificationRules).list(who.tenants())
    return ItemPage[RuleShown](items=[_show(rule) for rule in rules if notification_access.may_see_rule(who, rule)])


@router.post("", status_code=201, responses=problem_responses(409))
def create_rule(who: Keeper, services: Use, body: RuleWanted, response: Response) -> RuleShown:
    """Make a rule; needs `notifications:admin`, and the right to read every kind it tells of."""
    with services.registry.write() as tx:
        tenant_id = authorization.tenant_of_new(tx, who, body.tenant_id)
        rule = _rule(who, services.catalog, body, body.id or uuid.uuid4().hex[:16], tenant_id, version=0)
        if len(tx.get(NotificationRules).list({tenant_id})) >= notification_access.MOST:
            raise Conflict("too_many_rules", most=notification_access.MOST)
        _check(tx, rule)
        made = tx.get(NotificationRules).put(rule)
        _record(tx, who, "notification_rule.create", made)
    response.headers["Location"] = f"/api/v1/notification-rules/{made.rule_id}"
    response.headers["ETag"] = etag(made.version)
    return _show(made)


@router.get("/{rule_id}")
def get_rule(rule_id: IdInPath, who: Who, services: Use, response: Response) -> RuleShown:
    """Show one rule; its ETag is what PUT wants as If-Match."""
    with services.registry.read() as tx:
        rule = notification_access.rule_of(tx, who, rule_id)
    response.headers["ETag"] = etag(rule.version)
    return _show(rule)


@router.put("/{rule_id}", responses=problem_responses(409, 412, 428))
def replace_rule(  # noqa: PLR0917
    rule_id: IdInPath, who: Keeper, services: Use, seen: Expected, body: RuleSettings, response: Response
) -> RuleShown:
    """Replace what a rule says; needs `notifications:admin`. What was told stays told."""
    with services.registry.write() as tx:
        before = notification_access.rule_of(tx, who, rule_id)
        check_version(seen, before.version)
        rule = _rule(who, services.catalog, body, rule_id, before.tenant_id, version=before.version)
        _check(tx, rule)
        changed = tx.get(NotificationRules).put(rule)
        _record(tx, who, "notification_rule.replace", changed)
    response.headers["ETag"] = etag(changed.version)
    return _show(changed)


@router.delete("/{rule_id}", status_code=204)
def remove_rule(rule_id: IdInPath, who: Keeper, services: Use) -> None:
    """Remove a rule; what it has queued is still sent. Needs `notifications:admin`."""
    with services.registry.write() as tx:
        rule = notification_access.rule_of(tx, who, rule_id)
        tx.get(NotificationRules).remove(rule_id)
        _record(tx, who, "notification_rule.remove", rule)


def _record(tx: RegistryTransaction, who: Actor, action: str, rule: NotificationRule) -> None:
    """Put on record; a rule that tells of a restricted kind is for that kind's readers."""
    subject = next((kind for kind in sorted(rule.kinds) if kind in who.restricted_kinds), None)
    thing = object_name(subject, "notification_rule", rule.rule_id)
    detail = {"name": rule.name, "targets": list(rule.target_ids), "enabled": rule.enabled, "version": rule.version}
    record_action(tx, who, action, thing, detail=detail, tenant_id=rule.tenant_id)


def _rule(
    who: Actor, catalog: KindCatalog, body: RuleSettings, rule_id: str, tenant_id: str, *, version: int
) -> NotificationRule:
    stages = [EscalationStep(s.after_min * MINUTE_US, tuple(dict.fromkeys(s.targets))) for s in body.escalation]
    if [s.after_us for s in stages] != sorted({s.after_us for s in stages}):
        raise Invalid("steps_out_of_order", field="escalation")
    return NotificationRule(
        rule_id=rule_id,
        tenant_id=tenant_id,
        name=body.name,
        kinds=_kinds(who, catalog, body.kinds),
        target_ids=tuple(dict.fromkeys(body.targets)),
        severities=frozenset(EventSeverity(s) for s in body.severities),
        group_ids=frozenset(body.groups),
        duty=_duty(body.duty),
        critical_always=body.critical_always,
        gather_us=body.gather_s * SECOND_US,
        repeat_us=None if body.repeat_min is None else body.repeat_min * MINUTE_US,
        escalation=tuple(stages),
        resolved=body.resolved,
        enabled=body.enabled,
        version=version,
    )


def _kinds(who: Actor, catalog: KindCatalog, wanted: list[str] | None) -> frozenset[str]:
    readable = who.kinds(catalog)
    if wanted is None:
        wanted = [kind for kind in readable if not catalog[kind].restricted]
    if not wanted or not readable.issuperset(wanted):
        raise Invalid("not_of_kinds" if readable else "no_kind_is_yours", allowed=sorted(readable), field="kinds")
    return frozenset(wanted)


def _duty(body: DutySchema) -> DutyHours:
    if body.zone not in available_timezones():
        raise Invalid("no_time_zone", field="duty.zone")
    holidays_of(body.region, 2026)
    spans = [
        WeeklySpan(frozenset(map(_DAYS.index, s.weekdays)), time.fromisoformat(s.begins), time.fromisoformat(s.ends))
        for s in body.spans
    ]
    return DutyHours(body.zone, tuple(spans), body.region)


def _check(tx: RegistryTransaction, rule: NotificationRule) -> None:
    """Raise Invalid for targets and groups that are not the town's, or not of the kinds the rule tells of."""
    targets = {t.target_id for t in tx.get(NotificationTargets).list({rule.tenant_id})}
    if strange := sorted(rule.everyone() - targets):
        field = "targets" if strange[0] in rule.target_ids else "escalation"
        raise Invalid("no_target_of_town", target=strange[0], field=field)
    for group_id in sorted(rule.group_ids):
        try:
            group = tx.get(GroupRepository).get(group_id)
        except NotFound:
            group = None
        if group is None or group.tenant_id != rule.tenant_id or group.kind not in rule.kinds:
            raise Invalid("no_group_of_town", group=group_id, field="groups")


def _show(rule: NotificationRule) -> RuleShown:
    spans = [
        DutySpan.model_validate(
            {
                "weekdays": [_DAYS[day] for day in sorted(span.weekdays)],
                "from": f"{span.begins:%H:%M}",
                "until": f"{span.ends:%H:%M}",
            }
        )
        for span in rule.duty.spans
    ]
    return RuleShown(
        id=rule.rule_id,
        tenant_id=rule.tenant_id,
        name=rule.name,
        kinds=sorted(rule.kinds),
        severities=sorted(rule.severities),
        groups=sorted(rule.group_ids),
        targets=list(rule.target_ids),
        duty=DutySchema(zone=rule.duty.zone, spans=spans, region=rule.duty.region),
        critical_always=rule.critical_always,
        gather_s=rule.gather_us // SECOND_US,
        repeat_min=None if rule.repeat_us is None else rule.repeat_us // MINUTE_US,
        escalation=[
            EscalationSchema(after_min=s.after_us // MINUTE_US, targets=list(s.target_ids)) for s in rule.escalation
        ],
        resolved=rule.resolved,
        enabled=rule.enabled,
        version=rule.version,
    )
