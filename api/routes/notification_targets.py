"""Where messages on alarms may go: e-mail addresses and webhooks on the allow-list of the settings."""

import uuid
from dataclasses import replace
from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from api import notifying, seeing
from api.access import Caller
from api.authentication import Who, needs
from api.fields import Body, IdInPath, Name
from api.notifying import ADMIN
from api.paging import Items
from api.preconditions import Expected, agree, etag
from api.problems import responses
from api.recording import of, record
from api.routes.notifications import Notification, show
from api.services import Use
from devices.alarm_texts import Language
from devices.errors import Conflict, Invalid, NotFound
from devices.messages import Id
from devices.notifying.allowing import Allowed, NotAllowed
from devices.notifying.rules import Channel, Target
from devices.notifying.signing import new_secret
from devices.notifying.trying import trial
from devices.ports.notifications import Deliveries, NotificationTargets
from devices.ports.registry import Transaction

Keeper = Annotated[Caller, needs(ADMIN)]
Address = Annotated[str, Field(min_length=3, max_length=2000)]
router = APIRouter(prefix="/notification-targets", tags=["notifications"])


class TargetShown(BaseModel):
    """A target; `address` is whole for those who may change it, else only so much that people know which it is."""

    id: str
    tenant_id: str
    name: str
    channel: Channel
    address: str
    language: Language
    enabled: bool
    version: int


class TargetMade(TargetShown):
    """A target just made or with a new secret; `secret` verifies a webhook's messages and is shown this once."""

    secret: str | None


class TargetWanted(Body):
    """A target to make; where it may be is in the settings `notifications.mail_domains` and `.webhook_hosts`."""

    id: Id | None = None
    tenant_id: Id | None = None
    name: Name
    channel: Literal["email", "webhook"]
    address: Address
    """E-mail address, or `https://…`."""
    language: Language = "de"
    enabled: bool = True


class TargetChange(Body):
    """What may change; absent stays."""

    name: Name | None = None
    address: Address | None = None
    language: Language | None = None
    enabled: bool | None = None


@router.get("")
def list_targets(who: Who, services: Use) -> Items[TargetShown]:
    """List targets in order of id, for those who may read a kind of the town's devices."""
    if not who.kinds(services.catalog):
        return Items[TargetShown](items=[])
    with services.registry.read() as tx:
        return Items[TargetShown](items=[_show(who, t) for t in tx.get(NotificationTargets).list(who.tenants())])


@router.post("", status_code=201, responses=responses(409))
def create_target(who: Keeper, services: Use, body: TargetWanted, response: Response) -> TargetMade:
    """Make a target; needs `notifications:admin`."""
    channel = Channel(body.channel)
    with services.registry.write() as tx:
        target = Target(
            target_id=body.id or uuid.uuid4().hex[:16],
            tenant_id=seeing.tenant(tx, who, body.tenant_id),
            name=body.name,
            channel=channel,
            address=_address(services.allowed, channel, body.address),
            language=body.language,
            enabled=body.enabled,
            secret=new_secret() if channel is Channel.WEBHOOK else None,
        )
        targets = tx.get(NotificationTargets)
        if len(targets.list({target.tenant_id})) >= notifying.MOST:
            raise Conflict(f"a town has at most {notifying.MOST} targets")
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
        target = notifying.target_of(tx, who, target_id)
    response.headers["ETag"] = etag(target.version)
    return _show(who, target)


@router.patch("/{target_id}", responses=responses(409, 412, 428))
def change_target(  # noqa: PLR0917
    target_id: IdInPath, who: Keeper, services: Use, seen: Expected, body: TargetChange, response: Response
) -> TargetShown:
    """Change a target; needs `notifications:admin`, and sight of every rule that uses it."""
    with services.registry.write() as tx:
        target = notifying.target_of(tx, who, target_id)
        notifying.must_not_be_others(tx, who, target)
        agree(seen, target.version)
        given = body.model_dump(exclude_none=True)
        if body.address is not None:
            given["address"] = _address(services.allowed, target.channel, body.address)
        changed = tx.get(NotificationTargets).put(replace(target, **given))
        _record(tx, who, "notification_target.change", changed)
    response.headers["ETag"] = etag(changed.version)
    return _show(who, changed)


@router.delete("/{target_id}", status_code=204, responses=responses(409))
def remove_target(target_id: IdInPath, who: Keeper, services: Use) -> None:
    """Remove a target that no rule uses; needs `notifications:admin`."""
    with services.registry.write() as tx:
        target = notifying.target_of(tx, who, target_id)
        tx.get(NotificationTargets).remove(target_id)
        _record(tx, who, "notification_target.remove", target)


@router.post("/{target_id}/secret", responses=responses(409))
def renew_secret(target_id: IdInPath, who: Keeper, services: Use, response: Response) -> TargetMade:
    """Give a webhook a new secret, shown this once; the old one signs nothing more. Needs `notifications:admin`."""
    with services.registry.write() as tx:
        target = notifying.target_of(tx, who, target_id)
        notifying.must_not_be_others(tx, who, target)
        if target.channel is not Channel.WEBHOOK:
            raise Conflict("mail is not signed: only webhooks have a secret")
        changed = tx.get(NotificationTargets).put(replace(target, secret=new_secret()))
        _record(tx, who, "notification_target.secret", changed)
    return _made(who, changed, response)


@router.post("/{target_id}/test", status_code=202)
def try_target(target_id: IdInPath, who: Keeper, services: Use, response: Response) -> Notification:
    """Send a message that says it is a test; its fate is at `Location`. Needs `notifications:admin`."""
    with services.registry.write() as tx:
        target = notifying.target_of(tx, who, target_id)
        delivery = trial(target, uuid.uuid4().hex, services.now_us())
        tx.get(Deliveries).add([delivery])
        _record(tx, who, "notification_target.test", target)
    response.headers["Location"] = f"/api/v1/notifications/{delivery.delivery_id}"
    return show(delivery)


def _record(tx: Transaction, who: Caller, action: str, target: Target) -> None:
    """Put on record, with so much of the address that people know which it is."""
    detail = {"name": target.name, "address": _hidden(target), "enabled": target.enabled}
    record(tx, who, action, of("notification_target", target.target_id), detail=detail, tenant_id=target.tenant_id)


def _address(allowed: Allowed, channel: Channel, address: str) -> str:
    try:
        if channel is Channel.EMAIL:
            return allowed.mail(address)
        allowed.webhook(address)
    except NotAllowed as error:
        raise Invalid(error.detail, field="address") from error
    return address


def _made(who: Caller, target: Target, response: Response) -> TargetMade:
    response.headers["ETag"] = etag(target.version)
    response.headers["Cache-Control"] = "no-store"
    return TargetMade(**dict(_show(who, target)), secret=target.secret)


def _show(who: Caller, target: Target) -> TargetShown:
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


def _hidden(target: Target) -> str:
    """The path of a webhook is often a secret, and an address is somebody's own."""
    if target.channel is Channel.EMAIL:
        return f"{target.address[:1]}…@{target.address.rpartition('@')[2]}"
    return f"https://{urlsplit(target.address).hostname}/…"
