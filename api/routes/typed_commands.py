"""A route for each command of each kind, with its own body in the documentation; derived from the catalog."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import create_model

from api.authentication import requires_scope
from api.command_service import CommandOptions, CommandShown, IdempotencyKey, Waiting, command_device, command_request
from api.fields import IdInPath
from api.problems import problem_responses
from api.routes.commands import command_answer
from api.services import Use
from application.access.actor import Actor
from devices.kind import DeviceKind
from devices.kind_catalog import KindCatalog
from devices.messages import CommandBody


def build_command_routes(catalog: KindCatalog) -> APIRouter:
    """Return `POST /{kind}/{asset_id}/commands/{name}` for every command of every kind."""
    router = APIRouter(tags=["commands"])
    for kind in catalog.values():
        for body in kind.commands:
            router.add_api_route(
                f"/{kind.name}/{{asset_id}}/commands/{body.NAME}",
                _endpoint(kind, body),
                methods=["POST"],
                status_code=202,
                response_model=CommandShown,
                responses=problem_responses(409),
                name=f"{body.NAME}_{kind.name}",
                summary=f"{kind.title}: {body.NAME}",
                description=f"{body.__doc__ or ''}\n\nNeeds `{body.SCOPE}`.",
            )
    return router


def _endpoint(kind: DeviceKind, body: type[CommandBody]) -> Callable[..., Any]:
    model = create_model(f"{kind.name}_{body.NAME}_order", __base__=CommandOptions, arguments=(body, ...))

    async def post(  # noqa: PLR0917
        asset_id: IdInPath,
        who: Any,  # noqa: ANN401 - a caller who has the command's scope
        services: Use,
        request: Request,
        response: Response,
        wait: Waiting,
        order: Any,  # noqa: ANN401 - its type is made from the catalog
        key: IdempotencyKey = None,
    ) -> CommandShown:
        asked = command_request(body.NAME, order.arguments, order, key)
        command = await asyncio.to_thread(command_device, services, who, asset_id, asked, kind.name)
        return await command_answer(request, response, services, command, wait)

    post.__annotations__["order"] = model
    post.__annotations__["who"] = Annotated[Actor, requires_scope(body.SCOPE, in_part=True)]
    return post
