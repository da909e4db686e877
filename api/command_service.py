"""From a request for a command to the use-case, and waiting for what becomes of it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Header, Query
from pydantic import BaseModel, Field, JsonValue

from api.change_feed import ChangeFeedReader, wait_for
from api.fields import Comment, RequestBody
from api.services import Services
from api.time_parameters import TimeIn, TimeOut
from application.access.actor import Actor
from application.commands.command_request import CommandRequest
from application.commands.issue_command import CommandIssuer
from devices.commands.command import Command, DeliveryState, EffectState
from devices.messages import CommandBody, Id

_LONGEST_EFFECT_S: Final = 31 * 86_400


class CommandOptions(RequestBody):
    """When and why; every field may be absent."""

    deliver_by: TimeIn | None = None
    """After this it is not delivered any more; as the device announced when absent."""
    deliver_within_s: float | None = Field(None, gt=0, le=86_400)
    """The same as a duration from now or from `start_at`."""
    start_at: TimeIn | None = None
    until: TimeIn | None = None
    """End of the effect, for commands that have a lasting one."""
    duration_s: float | None = Field(None, gt=0, le=_LONGEST_EFFECT_S)
    """The same as a duration from now or from `start_at`."""
    reason: Comment = ""


class CommandWanted(CommandOptions):
    """A command by name; `arguments` as the kind declares them."""

    name: Id
    arguments: dict[str, JsonValue] = Field(default_factory=dict, max_length=64)


@dataclass(frozen=True, slots=True)
class WaitOptions:
    """Whether the caller waits for the device, and how long."""

    wanted: bool
    timeout_s: float


def _wait(
    wait: Annotated[Literal["applied"] | None, Query(description="Answer when the device has answered.")] = None,
    timeout_s: Annotated[float, Query(alias="timeout", ge=0, le=30, description="Seconds to wait.")] = 10,
) -> WaitOptions:
    return WaitOptions(wait is not None, timeout_s)


Waiting = Annotated[WaitOptions, Depends(_wait)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,128}$",
        description="The same key and body again give the same command, for 24 h.",
    ),
]


class CommandStep(BaseModel):
    """One step in a command's life."""

    at: TimeOut
    delivery: DeliveryState | None = None
    effect: EffectState | None = None
    reason: str | None = None


class CommandShown(BaseModel):
    """A command to one device. `delivery` is how far it got (`unknown`: no answer), `effect` what it does now."""

    id: str
    wire_id: str
    tenant_id: str
    kind: str
    asset_id: str
    group_id: str | None
    name: str
    arguments: dict[str, JsonValue]
    issuer: str
    reason: str
    issued_at: TimeOut
    deliver_by: TimeOut
    start_at: TimeOut | None
    until: TimeOut | None
    delivery: DeliveryState
    effect: EffectState
    final: bool
    answer: str | None
    attempts: int
    cancel_requested_at: TimeOut | None
    sent_at: TimeOut | None
    accepted_at: TimeOut | None
    applied_at: TimeOut | None
    final_at: TimeOut | None
    history: list[CommandStep]


def command_request(
    name: str, arguments: Mapping[str, Any] | CommandBody, options: CommandOptions, key: str | None
) -> CommandRequest:
    """Return what was asked for as the use-case takes it."""
    return CommandRequest(
        name,
        arguments,
        reason=options.reason,
        deliver_by_us=options.deliver_by,
        deliver_within_s=options.deliver_within_s,
        start_us=options.start_at,
        until_us=options.until,
        duration_s=options.duration_s,
        idempotency_key=key,
    )


def command_device(
    services: Services, who: Actor, asset_id: str, request: CommandRequest, kind: str | None = None
) -> Command:
    """File a command to one device; `kind` given must be the device's."""
    with services.registry.write() as tx:
        return CommandIssuer(tx, who, services.catalog, services.now_us()).to_device(asset_id, request, kind)


def command_group(services: Services, who: Actor, group_id: str, request: CommandRequest) -> Sequence[Command]:
    """File a command to every member of a group."""
    with services.registry.write() as tx:
        return CommandIssuer(tx, who, services.catalog, services.now_us()).to_group(group_id, request)


async def wait_until_settled(
    tail: ChangeFeedReader, read: Callable[[], Sequence[Command]], commands: Sequence[Command], wait: WaitOptions
) -> Sequence[Command]:
    """Wait until all are final, the time is over or the server stops; return them as they then are."""
    loop = asyncio.get_running_loop()
    until = loop.time() + wait.timeout_s
    while wait.wanted and not all(c.delivery.final for c in commands):
        left = until - loop.time()
        if left <= 0 or tail.stopped:
            break
        ticket = tail.ticket()
        commands = await asyncio.to_thread(read)
        if not all(c.delivery.final for c in commands):
            await wait_for(ticket, min(1.0, left))
    return commands


def command_schema(command: Command) -> CommandShown:
    """Show a command."""
    return CommandShown(
        id=command.command_id,
        wire_id=command.wire_id,
        tenant_id=command.tenant_id,
        kind=command.kind,
        asset_id=command.asset_id,
        group_id=command.group_id,
        name=command.name,
        arguments=dict(command.arguments),
        issuer=command.issuer,
        reason=command.reason,
        issued_at=command.issued_us,
        deliver_by=command.deliver_by_us,
        start_at=command.start_us,
        until=command.until_us,
        delivery=command.delivery,
        effect=command.effect,
        final=command.delivery.final,
        answer=command.answer,
        attempts=command.attempts,
        cancel_requested_at=command.cancel_requested_us,
        sent_at=command.sent_us,
        accepted_at=command.accepted_us,
        applied_at=command.applied_us,
        final_at=command.final_us,
        history=[_step(s) for s in command.history],
    )


def _step(step: Mapping[str, Any]) -> CommandStep:
    return CommandStep(
        at=step["at_us"], delivery=step.get("delivery"), effect=step.get("effect"), reason=step.get("reason")
    )
