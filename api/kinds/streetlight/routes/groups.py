"""Light groups: lamps that are dimmed together."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, cast

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api.authentication import requires_scope
from api.change_feed import ChangeFeedReader
from api.command_service import (
    CommandShown,
    CommandWanted,
    IdempotencyKey,
    Waiting,
    command_group,
    command_request,
    command_schema,
    wait_until_settled,
)
from api.fields import IdInPath, Name, RequestBody
from api.kinds.streetlight.routes.lamps import KIND, Reader
from api.paging import ItemPage, PageWanted
from api.preconditions import Expected, etag
from api.problems import problem_responses
from api.services import Use
from application.access import authorization
from application.access.actor import Actor
from application.inventory.groups import WRITE, GroupEditor
from application.ports.commands import CommandRepository
from application.ports.inventory import AssetGroup, GroupRepository
from application.ports.latest_values import LatestValues
from application.ports.registry import RegistryTransaction
from devices.commands.command import Command, DeliveryState
from devices.messages import Id

Members = Annotated[list[Id], Field(max_length=5000)]
FAILURES_FIRST = (
    DeliveryState.REJECTED,
    DeliveryState.FAILED,
    DeliveryState.UNDELIVERABLE,
    DeliveryState.EXPIRED,
    DeliveryState.UNKNOWN,
    DeliveryState.CANCELLED,
    DeliveryState.QUEUED,
    DeliveryState.SENT,
    DeliveryState.ACCEPTED,
    DeliveryState.APPLIED,
)
Writer = Annotated[Actor, requires_scope(WRITE)]
router = APIRouter(prefix="/light-groups", tags=[KIND])


class LightGroup(BaseModel):
    """A group; `members` are lamp ids, `online` those now connected."""

    id: str
    tenant_id: str
    name: str
    members: list[str]
    online: int
    version: int


class LightGroupWanted(RequestBody):
    """A group to create."""

    id: Id | None = None
    tenant_id: Id | None = None
    name: Name
    members: Members = Field(default_factory=list)


class LightGroupChange(RequestBody):
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
def list_light_groups(who: Reader, services: Use, page: PageWanted) -> ItemPage[LightGroup]:
    """List light groups in order of id."""
    visible = authorization.visible_things(who, services.catalog, KIND)
    with services.registry.read() as tx:
        found = [
            g
            for g in tx.get(GroupRepository).list(who.tenants(), visible.kinds, visible.groups)
            if g.group_id > (page.cursor or "")
        ]
        items = [_show(tx, group) for group in found[: page.limit]]
    return ItemPage[LightGroup](items=items, next_cursor=items[-1].id if len(found) > page.limit else None)


@router.post("", status_code=201, responses=problem_responses(409))
def create_light_group(who: Writer, services: Use, body: LightGroupWanted, response: Response) -> LightGroup:
    """Create a group of lamps; needs `groups:write`."""
    with services.registry.write() as tx:
        created = _editor(tx, who).create(KIND, body.name, body.members, body.id, body.tenant_id)
        shown = _show(tx, created)
    response.headers["Location"] = f"/api/v1/light-groups/{created.group_id}"
    response.headers["ETag"] = etag(created.version)
    return shown


@router.get("/{group_id}")
def get_light_group(group_id: IdInPath, who: Reader, services: Use, response: Response) -> LightGroup:
    """Show one group; its ETag is what PATCH wants as If-Match."""
    with services.registry.read() as tx:
        group = _editor(tx, who).find(group_id)
        shown = _show(tx, group)
    response.headers["ETag"] = etag(group.version)
    return shown


@router.patch("/{group_id}", responses=problem_responses(412, 428))
def change_light_group(  # noqa: PLR0917
    group_id: IdInPath, who: Writer, services: Use, seen: Expected, body: LightGroupChange, response: Response
) -> LightGroup:
    """Change name or members; needs `groups:write`."""
    with services.registry.write() as tx:
        changed = _editor(tx, who).change(group_id, body.name, body.members, seen)
        shown = _show(tx, changed)
    response.headers["ETag"] = etag(changed.version)
    return shown


@router.delete("/{group_id}", status_code=204)
def remove_light_group(group_id: IdInPath, who: Writer, services: Use) -> None:
    """Remove the group, not its lamps; needs `groups:write`."""
    with services.registry.write() as tx:
        _editor(tx, who).remove(group_id)


@router.post("/{group_id}/commands", status_code=202, responses=problem_responses(409))
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
            online = _online(tx, _editor(tx, who).find(group_id).members)
        asked = command_request(body.name, body.arguments, body, key)
        return command_group(services, who, group_id, asked), online

    filed, online = await asyncio.to_thread(file)
    wire_id = filed[0].wire_id

    def read() -> Sequence[Command]:
        with services.registry.read() as tx:
            return tx.get(CommandRepository).by_wire_id(wire_id)

    commands = await wait_until_settled(cast("ChangeFeedReader", request.app.state.tail), read, filed, wait)
    response.headers["Location"] = f"/api/v1/group-commands/{wire_id}"
    if wait.wanted and all(c.delivery.final for c in commands):
        response.status_code = 200
    return _results(commands, online)


def _results(commands: Sequence[Command], online_before: int) -> LightGroupCommand:
    counts = Counter(c.delivery.value for c in commands)
    still = sum(not c.delivery.final for c in commands)
    applied = counts[DeliveryState.APPLIED.value]
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
        commands=[command_schema(c) for c in ordered],
    )


def _editor(tx: RegistryTransaction, who: Actor) -> GroupEditor:
    return GroupEditor(tx, who, KIND)


def _show(tx: RegistryTransaction, group: AssetGroup) -> LightGroup:
    return LightGroup(
        id=group.group_id,
        tenant_id=group.tenant_id,
        name=group.name,
        members=list(group.members),
        online=_online(tx, group.members),
        version=group.version,
    )


def _online(tx: RegistryTransaction, asset_ids: Sequence[str]) -> int:
    rows = tx.get(LatestValues).of_assets(asset_ids)
    return sum(row.channel == "status" and row.values.get("state") == "online" for row in rows)
