"""Where messages on alarms may go: e-mail addresses and webhooks on the allow-list of the settings."""

import uuid
from dataclasses import replace
from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from api import notification_access
from api.authentication import Who, requires_scope
from api.fields import IdInPath, Name, RequestBody
from api.notification_access import ADMIN
from api.paging import ItemPage
from api.preconditions import Expected, etag
from api.problems import problem_responses
from api.routes.notifications import NotificationSchema, notification_schema
from api.services import Use
from application.access import authorization
from application.access.actor import Actor
from application.audit.audit_trail import object_name, record_action
from application.notifications.allow_list import NotAllowed, TargetAllowList
from application.notifications.rules import NotificationChannel, NotificationTarget
from application.notifications.trial_message import trial_message
from application.notifications.webhook_signature import new_secret
from application.ports.notifications import DeliveryQueue, NotificationTargets
from application.ports.registry import RegistryTransaction
from application.versions import check_version
from devices.errors import Conflict, Invalid, NotFound
from devices.messages import Id
from devices.wording.catalogue import Language

Keeper = Annotated[Actor, requires_scope(ADMIN)]
Address = Annotated[str, Field(min_length=3, max_length=2000)]
router = APIRouter(prefix="/notification-targets", tags=["notifications"])


class TargetShown(BaseModel):
    """A target; `address` is whole for those who may change it, else only so much that people know which it is."""

    id: str
    tenant_id: str
    name: str
    channel: NotificationChannel
    address: str
    language: Language
    enabled: bool
    version: int


class TargetMade(TargetShown):
    """A target just made or with a new secret; `secret` verifies a webhook's messages and is shown this once."""

    secret: str | None


class TargetWanted(RequestBody):
    """A target to make; where it may be is in the settings `notifications.mail_domains` and `.webhook_hosts`."""

    id: Id | None = None
    tenant_id: Id | None = None
    name: Name
    channel: Literal["email", "webhook"]
    address: Address
    """E-mail address, or `https://…`."""
    language: Language = "de"
    enabled: bool = True


class TargetChange(RequestBody):
    """What may change; absent stays."""

    name: Name | None = None
    address: Address | None = None
    language: Language | None = None
    enabled: bool | None = None


@router.get("")
def list_targets(who: Who, services: Use) -> ItemPage[TargetShown]:
    """List targets in order of id, for those who may read a kind of the town's devices."""
    if not who.kinds(services.catalog):
        return ItemPage[TargetShown](items=[])
    with services.registry.read() as tx:
        return ItemPage[TargetShown](items=[_show(who, t) for t in tx.get(NotificationTargets).list(who.tenants())])


@router.post("", status_code=201, responses=problem_responses(409))
def create_target(who: Keeper, services: Use, body: TargetWanted, response: Response) -> TargetMade:
    """Make a target; needs `notifications:admin`."""
    channel = NotificationChannel(body.channel)
    with services.registry.write() as tx:
        target = NotificationTarget(
            target_id=body.id or uuid.uuid4().hex[:16],
            tenant_id=authorization.tenant_of_new(tx, who, body.tenant_id),
            name=body.name,
            channel=channel,
            address=_address(services.allowed, channel, body.address),
            language=body.language,
            enabled=body.enabled,
            secret=new_secret() if channel is NotificationChannel.WEBHOOK else None,
        )
        targets = tx.get(NotificationTargets)
        if len(targets.list({target.tenant_id})) >= notification_access.MOST:
            raise Conflict("too_many_targets", most=notification_access.MOST)
        made = targets.put(target)
        _record(tx, who, "notification_target.create", made)
    response.headers["Location"] = f"/api/v1/notification-targets/{made.target_id}"
    return _made(who, made, response)


@router.get("/{target_id}")
def get_target(target_id: IdInPath, who: Who, services: Use, response: Response) -> TargetShown:
    """Show one target; its ETag is what PATCH wants as If-Match."""
    if not who.kinds(services.catalog):
        raise NotFound
    with services.registry.read() as tx:
        target = notification_access.target_of(tx, who, target_id)
    response.headers["ETag"] = etag(target.version)
    return _show(who, target)


@router.patch("/{target_id}", responses=problem_responses(409, 412, 428))
def change_target(  # noqa: PLR0917
    target_id: IdInPath, who: Keeper, services: Use, seen: Expected, body: TargetChange, response: Response
) -> TargetShown:
    """Change a target; needs `notifications:admin`, and sight of every rule that uses it."""
    with services.registry.write() as tx:
        target = notification_access.target_of(tx, who, target_id)
        notification_access.must_not_be_others(tx, who, target)
        check_version(seen, target.version)
        given = body.model_dump(exclude_none=True)
        if body.address is not None:
            given["address"] = _address(services.allowed, target.channel, body.address)
        changed = tx.get(NotificationTargets).put(replace(target, **given))
        _record(tx, who, "notification_target.change", changed)
    response.headers["ETag"] = etag(changed.version)
    return _show(who, changed)


@router.delete("/{target_id}", status_code=204, responses=problem_responses(409))
def remove_target(target_id: IdInPath, who: Keeper, services: Use) -> None:
    """Remove a target that no rule uses; needs `notifications:admin`."""
    with services.registry.write() as tx:
        target = notification_access.target_of(tx, who, target_id)
        tx.get(NotificationTargets).remove(target_id)
        _record(tx, who, "notification_target.remove", target)


@router.post("/{target_id}/secret", responses=problem_responses(409))
def renew_secret(target_id: IdInPath, who: Keeper, services: Use, response: Response) -> TargetMade:
    """Give a webhook a new secret, shown this once; the old one signs nothing more. Needs `notifications:admin`."""
    with services.registry.write() as tx:
        target = notification_access.target_of(tx, who, target_id)
        notification_access.must_not_be_others(tx, who, target)
        if target.channel is not NotificationChannel.WEBHOOK:
            raise Conflict("mail_has_no_secret")
        changed = tx.get(NotificationTargets).put(replace(target, secret=new_secret()))
        _record(tx, who, "notification_target.secret", changed)
    return _made(who, changed, response)


@router.post("/{target_id}/test", status_code=202)
def try_target(target_id: IdInPath, who: Keeper, services: Use, response: Response) -> NotificationSchema:
    """Send a message that says it is a test; its fate is at `Location`. Needs `notifications:admin`."""
    with services.registry.write() as tx:
        target = notification_access.target_of(tx, who, target_id)
        delivery = trial_message(target, uuid.uuid4().hex, services.now_us())
        tx.get(DeliveryQueue).add([delivery])
        _record(tx, who, "notification_target.test", target)
    response.headers["Location"] = f"/api/v1/notifications/{delivery.delivery_id}"
    return notification_schema(delivery)


def _record(tx: RegistryTransaction, who: Actor, action: str, target: NotificationTarget) -> None:
    """Put on record, with so much of the address that people know which it is."""
    detail = {"name": target.name, "address": _hidden(target), "enabled": target.enabled}
    record_action(
        tx, who, action, object_name("notification_target", target.target_id), detail=detail, tenant_id=target.tenant_id
    )


def _address(allowed: TargetAllowList, channel: NotificationChannel, address: str) -> str:
    try:
        if channel is NotificationChannel.EMAIL:
            return allowed.mail(address)
        allowed.webhook(address)
    except NotAllowed as error:
        raise Invalid(error.reason.code, field="address", **error.reason.params) from error
    return address


def _made(who: Actor, target: NotificationTarget, response: Response) -> TargetMade:
    response.headers["ETag"] = etag(target.version)
    response.headers["Cache-Control"] = "no-store"
    return TargetMade(**dict(_show(who, target)), secret=target.secret)


def _show(who: Actor, target: NotificationTarget) -> TargetShown:
    return TargetShown(
        id=target.target_id,
        tenant_id=target.tenant_id,
        name=target.name,
        channel=target.channel,
        address=target.address if who.may(ADMIN) else _hidden(target),
        language=target.language,
        enabled=target.enabled,
        version=target.version,
    )


def _hidden(target: NotificationTarget) -> str:
    """The path of a webhook is often a secret, and an address is somebody's own."""
    if target.channel is NotificationChannel.EMAIL:
        return f"{target.address[:1]}…@{target.address.rpartition('@')[2]}"
    return f"https://{urlsplit(target.address).hostname}/…"
