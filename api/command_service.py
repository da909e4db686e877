"""From a request for a command to the use-case, and waiting for what becomes of it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Header, Query
from pydantic import BaseModel, Field, JsonValue, ValidationError

from api.change_feed import ChangeFeedReader, wait_for
from api.fields import Comment, RequestBody
from api.problems import invalid_body
from api.services import Services
from api.sessions import secret_digest
from api.time_parameters import TimeIn, TimeOut
from application.access import authorization
from application.access.actor import Actor
from application.audit.audit_trail import object_name, record_action
from application.commands.issue_command import issue_command, issue_to_group
from application.ports.commands import CommandRepository
from application.ports.registry import RegistryTransaction
from devices.commands.command import Command, DeliveryState, EffectState
from devices.errors import Forbidden, Invalid
from devices.messages import Id
from devices.time_us import SECOND_US, rfc3339

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


@dataclass(frozen=True, slots=True)
class CommandService:
    """Files commands for one caller."""

    services: Services
    who: Actor
    key: str | None

    def to_device(
        self, asset_id: str, kind: str | None, name: str, arguments: Mapping[str, Any], order: CommandOptions
    ) -> Command:
        """File a command to one device; `kind` given must be the device's."""
        with self.services.registry.write() as tx:
            asset = authorization.held_asset(tx, self.who, asset_id, self.services.now_us())
            scope = self._scope(asset.kind, kind, name)
            self.who.require_on(scope, asset_id)
            self._check(asset.kind, name, arguments)
            command = issue_command(tx, self.services.catalog, asset=asset, **self._request(tx, name, arguments, order))
            self._record(tx, object_name(asset.kind, asset_id), command, {"command_id": command.command_id})
            return command

    def to_group(
        self, group_id: str, name: str, arguments: Mapping[str, Any], order: CommandOptions
    ) -> Sequence[Command]:
        """File a command to every member of a group."""
        with self.services.registry.write() as tx:
            group = authorization.own_group(tx, self.who, group_id)
            scope = self._scope(group.kind, None, name)
            if not self.who.may_within(scope, f"group/{group_id}"):
                raise Forbidden(f"scope {scope} is missing")
            self._check(group.kind, name, arguments)
            request = self._request(tx, name, arguments, order)
            commands = issue_to_group(tx, self.services.catalog, group=group, **request)
            first, told = commands[0], {"wire_id": commands[0].wire_id, "members": len(commands)}
            self._record(tx, object_name(group.kind, "group", group_id), first, told)
            return commands

    def _record(self, tx: RegistryTransaction, thing: str, command: Command, told: Mapping[str, Any]) -> None:
        until = None if command.until_us is None else rfc3339(command.until_us)
        what = {"command": command.name, "arguments": dict(command.arguments), "until": until, "reason": command.reason}
        record_action(tx, self.who, "command.issue", thing, detail={**what, **told}, tenant_id=command.tenant_id)

    def _scope(self, kind: str, wanted: str | None, name: str) -> str:
        if wanted not in {None, kind}:
            raise Invalid(f"the device is a {kind}", field="path.kind")
        body = self.services.catalog[kind].command(name)
        if body is None:
            raise Invalid(f"{kind} has no command {name}", field="name")
        return body.SCOPE

    def _check(self, kind: str, name: str, arguments: Mapping[str, Any]) -> None:
        body = self.services.catalog[kind].command(name)
        try:
            if body is not None:
                body.model_validate(dict(arguments))
        except ValidationError as error:
            raise invalid_body(error, "arguments") from error

    def _request(
        self, tx: RegistryTransaction, name: str, arguments: Mapping[str, Any], order: CommandOptions
    ) -> dict[str, Any]:
        now_us = self.services.now_us()
        # Of this caller alone: others may bear his name.
        key = None if self.key is None else secret_digest(f"{self.who.actor} {self.key}").hex()
        filed = None if key is None else tx.get(CommandRepository).by_idempotency_key(self.who.name, key)
        # Durations count from the first request, so that its repetition asks for the same.
        base_us = filed[1][0].issued_us if filed and filed[1] else now_us
        begin_us = base_us if order.start_at is None else order.start_at
        return {
            "name": name,
            "arguments": arguments,
            "issuer": self.who.name,
            "reason": order.reason,
            "now_us": now_us,
            "deliver_by_us": _one("deliver_by", order.deliver_by, "deliver_within_s", order.deliver_within_s, begin_us),
            "start_us": order.start_at,
            "until_us": _one("until", order.until, "duration_s", order.duration_s, begin_us),
            "idempotency_key": key,
        }


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


def _one(name: str, instant_us: int | None, other: str, seconds: float | None, begin_us: int) -> int | None:
    if seconds is None:
        return instant_us
    if instant_us is not None:
        raise Invalid(f"give this or {other}", field=name)
    return begin_us + round(seconds * SECOND_US)
