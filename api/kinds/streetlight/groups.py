"""Light groups: lamps that are dimmed together."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, cast

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api import seeing
from api.access import Caller
from api.authentication import needs
from api.fields import Body, IdInPath, Name
from api.issuing import CommandShown, CommandWanted, IdempotencyKey, Issuer, Waiting, settled, show
from api.kinds.streetlight.lamps import KIND, Reader
from api.paging import Items, PageWanted
from api.preconditions import Expected, agree, etag
from api.problems import responses
from api.recording import record_group
from api.routes.groups import WRITE
from api.services import Use
from api.tail import Tail
from devices.commands.command import Command, Delivery
from devices.errors import Invalid, NotFound
from devices.messages import Id
from devices.ports.commands import Commands
from devices.ports.current import LatestValues
from devices.ports.inventory import Group, Groups, Inventory
from devices.ports.registry import Transaction

Members = Annotated[list[Id], Field(max_length=5000)]
FAILURES_FIRST = (
    Delivery.REJECTED,
    Delivery.FAILED,
    Delivery.UNDELIVERABLE,
    Delivery.EXPIRED,
    Delivery.UNKNOWN,
    Delivery.CANCELLED,
    Delivery.QUEUED,
    Delivery.SENT,
    Delivery.ACCEPTED,
    Delivery.APPLIED,
)
Writer = Annotated[Caller, needs(WRITE)]
router = APIRouter(prefix="/light-groups", tags=[KIND])


class LightGroup(BaseModel):
    """A group; `members` are lamp ids, `online` those now connected."""

    id: str
    tenant_id: str
    name: str
    members: list[str]
    online: int
    version: int


class LightGroupWanted(Body):
    """A group to create."""

    id: Id | None = None
    tenant_id: Id | None = None
    name: Name
    members: Members = Field(default_factory=list)


class LightGroupChange(Body):
    """What may change; absent stays."""

    name: Name | None = None
    members: Members | None = None


class LightGroupCommand(BaseModel):
    """A command to a group with its results; `commands` has failures first."""

    id: str
    group_id: str
    name: str
    final: bool
    members: int
    online_before: int
    """Lamps that were connected when it was filed."""
    applied: int
    failed: int
    open: int
    """Without a final result as yet."""
    counts: dict[str, int]
    commands: list[CommandShown]


@router.get("")
def list_light_groups(who: Reader, services: Use, page: PageWanted) -> Items[LightGroup]:
    """List light groups in order of id."""
    visible = seeing.visible(who, services.catalog, KIND)
    with services.registry.read() as tx:
        found = [
            g
            for g in tx.get(Groups).list(who.tenants(), visible.kinds, visible.groups)
            if g.group_id > (page.cursor or "")
        ]
        items = [_show(tx, group) for group in found[: page.limit]]
    return Items[LightGroup](items=items, next_cursor=items[-1].id if len(found) > page.limit else None)


@router.post("", status_code=201, responses=responses(409))
def create_light_group(who: Writer, services: Use, body: LightGroupWanted, response: Response) -> LightGroup:
    """Create a group of lamps; needs `groups:write`."""
    with services.registry.write() as tx:
        group = Group(
            group_id=body.id or uuid.uuid4().hex[:16],
            tenant_id=seeing.tenant(tx, who, body.tenant_id),
            kind=KIND,
            name=body.name,
            members=tuple(dict.fromkeys(body.members)),
            version=0,
        )
        _check_members(tx, who, group, group.members)
        created = tx.get(Groups).put(group)
        record_group(tx, who, "group.create", created)
        shown = _show(tx, created)
    response.headers["Location"] = f"/api/v1/light-groups/{created.group_id}"
    response.headers["ETag"] = etag(created.version)
    return shown


@router.get("/{group_id}")
def get_light_group(group_id: IdInPath, who: Reader, services: Use, response: Response) -> LightGroup:
    """Show one group; its ETag is what PATCH wants as If-Match."""
    with services.registry.read() as tx:
        group = _group(tx, who, group_id)
        shown = _show(tx, group)
    response.headers["ETag"] = etag(group.version)
    return shown


@router.patch("/{group_id}", responses=responses(412, 428))
def change_light_group(  # noqa: PLR0917
    group_id: IdInPath, who: Writer, services: Use, seen: Expected, body: LightGroupChange, response: Response
) -> LightGroup:
    """Change name or members; needs `groups:write`."""
    with services.registry.write() as tx:
        group = _group(tx, who, group_id)
        agree(seen, group.version)
        members = group.members if body.members is None else tuple(dict.fromkeys(body.members))
        _check_members(tx, who, group, set(members) - set(group.members))
        changed = tx.get(Groups).put(replace(group, name=body.name or group.name, members=members))
        record_group(tx, who, "group.change", changed)
        shown = _show(tx, changed)
    response.headers["ETag"] = etag(changed.version)
    return shown


@router.delete("/{group_id}", status_code=204)
def remove_light_group(group_id: IdInPath, who: Writer, services: Use) -> None:
    """Remove the group, not its lamps; needs `groups:write`."""
    with services.registry.write() as tx:
        group = _group(tx, who, group_id)
        tx.get(Groups).remove(group_id)
        record_group(tx, who, "group.remove", group)


@router.post("/{group_id}/commands", status_code=202, responses=responses(409))
async def command_light_group(  # noqa: PLR0917
    group_id: IdInPath,
    who: Reader,
    services: Use,
    request: Request,
    response: Response,
    wait: Waiting,
    body: CommandWanted,
    key: IdempotencyKey = None,
) -> LightGroupCommand:
    """Dim all lamps of a group for a duration, or let them resume; needs `lights:dim`.

    202: filed, follow it at Location; with `wait=applied` the results so far, failures first.
    """

    def file() -> tuple[Sequence[Command], int]:
        with services.registry.read() as tx:
            online = _online(tx, _group(tx, who, group_id).members)
        return Issuer(services, who, key).to_group(group_id, body.name, body.arguments, body), online

    filed, online = await asyncio.to_thread(file)
    wire_id = filed[0].wire_id

    def read() -> Sequence[Command]:
        with services.registry.read() as tx:
            return tx.get(Commands).by_wire_id(wire_id)

    commands = await settled(cast("Tail", request.app.state.tail), read, filed, wait)
    response.headers["Location"] = f"/api/v1/group-commands/{wire_id}"
    if wait.wanted and all(c.delivery.final for c in commands):
        response.status_code = 200
    return _results(commands, online)


def _results(commands: Sequence[Command], online_before: int) -> LightGroupCommand:
    counts = Counter(c.delivery.value for c in commands)
    still = sum(not c.delivery.final for c in commands)
    applied = counts[Delivery.APPLIED.value]
    ordered = sorted(commands, key=lambda c: (FAILURES_FIRST.index(c.delivery), c.asset_id))
    return LightGroupCommand(
        id=commands[0].wire_id,
        group_id=commands[0].group_id or "",
        name=commands[0].name,
        final=still == 0,
        members=len(commands),
        online_before=online_before,
        applied=applied,
        failed=len(commands) - applied - still,
        open=still,
        counts=dict(counts),
        commands=[show(c) for c in ordered],
    )


def _group(tx: Transaction, who: Caller, group_id: str) -> Group:
    group = seeing.group(tx, who, group_id)
    if group.kind != KIND:
        raise NotFound("light group")
    return group


def _show(tx: Transaction, group: Group) -> LightGroup:
    return LightGroup(
        id=group.group_id,
        tenant_id=group.tenant_id,
        name=group.name,
        members=list(group.members),
        online=_online(tx, group.members),
        version=group.version,
    )


def _online(tx: Transaction, asset_ids: Sequence[str]) -> int:
    rows = tx.get(LatestValues).of_assets(asset_ids)
    return sum(row.channel == "status" and row.values.get("state") == "online" for row in rows)


def _check_members(tx: Transaction, who: Caller, group: Group, asset_ids: Iterable[str]) -> None:
    wanted = sorted(asset_ids)
    known = tx.get(Inventory).many(wanted)
    for asset_id in wanted:
        asset = known.get(asset_id)
        if asset is None or (asset.tenant_id, asset.kind) != (group.tenant_id, KIND) or asset.retired_us is not None:
            raise Invalid(f"{asset_id} is no lamp of this tenant", field="members")
        who.must_see(asset.tenant_id, asset.kind)
