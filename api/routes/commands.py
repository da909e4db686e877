"""Commands: filed here, delivered by the gateway; 202 says filed, never done."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, cast

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from api import command_service
from api.authentication import Who
from api.change_feed import ChangeFeedReader
from api.command_service import (
    CommandShown,
    CommandWanted,
    IdempotencyKey,
    Waiting,
    WaitOptions,
    command_schema,
    wait_until_settled,
)
from api.fields import ID, IdInPath, RecordInPath
from api.paging import ItemPage, PageWanted, page_of
from api.problems import problem_responses
from api.services import Services, Use
from application.access import authorization
from application.commands.issue_command import CommandIssuer, find_command, find_group_command
from application.ports.commands import CommandRepository
from devices.commands.command import Command, DeliveryState

router = APIRouter(tags=["commands"])


class GroupCommand(BaseModel):
    """A command to a group: one publish, one command per member."""

    id: str
    group_id: str
    name: str
    final: bool
    counts: dict[str, int]
    """Members by delivery state."""
    commands: list[CommandShown]


@router.post("/devices/{asset_id}/commands", status_code=202, responses=problem_responses(409))
async def command_device(  # noqa: PLR0917
    asset_id: IdInPath,
    who: Who,
    services: Use,
    request: Request,
    response: Response,
    wait: Waiting,
    body: CommandWanted,
    key: IdempotencyKey = None,
) -> CommandShown:
    """File a command; needs the command's scope. 202: filed (200 with `wait`: final); follow it at Location."""
    asked = command_service.command_request(body.name, body.arguments, body, key)
    command = await asyncio.to_thread(command_service.command_device, services, who, asset_id, asked)
    return await command_answer(request, response, services, command, wait)


@router.post("/groups/{group_id}/commands", status_code=202, responses=problem_responses(409))
async def command_group(  # noqa: PLR0917
    group_id: IdInPath,
    who: Who,
    services: Use,
    request: Request,
    response: Response,
    wait: Waiting,
    body: CommandWanted,
    key: IdempotencyKey = None,
) -> GroupCommand:
    """File a command to every member of a group; needs the command's scope."""
    asked = command_service.command_request(body.name, body.arguments, body, key)
    filed = await asyncio.to_thread(command_service.command_group, services, who, group_id, asked)
    wire_id = filed[0].wire_id

    def read() -> Sequence[Command]:
        with services.registry.read() as tx:
            return tx.get(CommandRepository).by_wire_id(wire_id)

    commands = await wait_until_settled(_tail(request), read, filed, wait)
    _head(response, f"/api/v1/group-commands/{wire_id}", commands, wait)
    return _group(commands)


@router.get("/group-commands/{wire_id}")
def get_group_command(wire_id: RecordInPath, who: Who, services: Use) -> GroupCommand:
    """Show how far a group command got with every member."""
    with services.registry.read() as tx:
        return _group(find_group_command(tx, who, wire_id))


@router.post("/group-commands/{wire_id}/cancel", status_code=202, responses=problem_responses(409))
def cancel_group_command(wire_id: RecordInPath, who: Who, services: Use) -> GroupCommand:
    """Ask that it be cancelled for every member it may still concern; needs the command's scope."""
    with services.registry.write() as tx:
        return _group(CommandIssuer(tx, who, services.catalog, services.now_us()).cancel_group(wire_id))


@router.get("/commands")
def list_commands(  # noqa: PLR0917
    who: Who,
    services: Use,
    page: PageWanted,
    kind: Annotated[str | None, Query(max_length=64)] = None,
    device: Annotated[str | None, Query(pattern=ID)] = None,
    group: Annotated[str | None, Query(pattern=ID)] = None,
    delivery: DeliveryState | None = None,
) -> ItemPage[CommandShown]:
    """List commands, newest first."""
    visible = authorization.visible_things(who, services.catalog, kind)
    with services.registry.read() as tx:
        found = tx.get(CommandRepository).find(
            tenant_ids=who.tenants(),
            kinds=visible.kinds,
            also=visible.assets,
            asset_id=device,
            group_id=group,
            delivery=None if delivery is None else delivery.value,
            limit=page.limit,
            cursor=page.cursor,
        )
    return page_of(found, command_schema)


@router.get("/devices/{asset_id}/commands")
def list_device_commands(asset_id: IdInPath, who: Who, services: Use, page: PageWanted) -> ItemPage[CommandShown]:
    """List the commands to one device, newest first."""
    with services.registry.read() as tx:
        authorization.visible_asset(tx, who, asset_id)
        found = tx.get(CommandRepository).find(
            tenant_ids=who.tenants(), asset_id=asset_id, limit=page.limit, cursor=page.cursor
        )
    return page_of(found, command_schema)


@router.get("/commands/{command_id}")
def get_command(command_id: RecordInPath, who: Who, services: Use) -> CommandShown:
    """Show how far a command got and what it does now."""
    with services.registry.read() as tx:
        return command_schema(find_command(tx, who, command_id))


@router.post("/commands/{command_id}/cancel", status_code=202, responses=problem_responses(409))
def cancel_command(command_id: RecordInPath, who: Who, services: Use) -> CommandShown:
    """Ask that it be cancelled: not delivered any more, or its effect ended; needs the command's scope."""
    with services.registry.write() as tx:
        return command_schema(CommandIssuer(tx, who, services.catalog, services.now_us()).cancel(command_id))


async def command_answer(
    request: Request, response: Response, services: Services, command: Command, wait: WaitOptions
) -> CommandShown:
    """Answer with the command as it is, after waiting when that was asked for."""

    def read() -> Sequence[Command]:
        with services.registry.read() as tx:
            return [tx.get(CommandRepository).get(command.command_id)]

    commands = await wait_until_settled(_tail(request), read, [command], wait)
    _head(response, f"/api/v1/commands/{command.command_id}", commands, wait)
    return command_schema(commands[0])


def _head(response: Response, location: str, commands: Sequence[Command], wait: WaitOptions) -> None:
    response.headers["Location"] = location
    if wait.wanted and all(c.delivery.final for c in commands):
        response.status_code = 200


def _tail(request: Request) -> ChangeFeedReader:
    return cast("ChangeFeedReader", request.app.state.tail)


def _group(commands: Sequence[Command]) -> GroupCommand:
    first = commands[0]
    return GroupCommand(
        id=first.wire_id,
        group_id=first.group_id or "",
        name=first.name,
        final=all(c.delivery.final for c in commands),
        counts=dict(Counter(c.delivery.value for c in commands)),
        commands=[command_schema(c) for c in commands],
    )
