"""Commands and their cancellation, for whoever may: asked for, filed and put on record in one transaction."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from application.access import authorization
from application.access.actor import Actor
from application.audit.audit_trail import object_name, record_action
from application.commands.command_filing import (
    CommandOrigin,
    cancel_group,
    file_command,
    file_group_command,
    request_cancellation,
)
from application.commands.command_request import CommandRequest
from application.ports.commands import CommandRepository
from application.ports.registry import RegistryTransaction
from devices.commands.command import Command
from devices.errors import Forbidden, Invalid, NotFound
from devices.kind_catalog import KindCatalog
from devices.time_us import rfc3339


@dataclass(frozen=True, slots=True)
class CommandIssuer:
    """Works for one actor in one transaction; what it raises is for him."""

    tx: RegistryTransaction
    actor: Actor
    catalog: KindCatalog
    now_us: int

    def to_device(self, asset_id: str, request: CommandRequest, kind: str | None = None) -> Command:
        """File a command to one device; `kind` given must be the device's. Raises Forbidden and as `file_command`."""
        asset = authorization.held_asset(self.tx, self.actor, asset_id, self.now_us)
        if kind not in {None, asset.kind}:
            raise Invalid("is_of_kind", kind=asset.kind, field="path.kind")
        self.actor.require_on(self._scope(asset.kind, request.name), asset_id)
        command = file_command(self.tx, self.catalog, asset, self._own(request), self._origin())
        self._record(object_name(asset.kind, asset_id), command, {"command_id": command.command_id})
        return command

    def to_group(self, group_id: str, request: CommandRequest) -> Sequence[Command]:
        """File a command to every member of a group. Raises Forbidden and as `file_group_command`."""
        group = authorization.own_group(self.tx, self.actor, group_id)
        scope = self._scope(group.kind, request.name)
        if not self.actor.may_within(scope, f"group/{group_id}"):
            raise Forbidden("scope_missing", scope=scope)
        commands = file_group_command(self.tx, self.catalog, group, self._own(request), self._origin())
        told = {"wire_id": commands[0].wire_id, "members": len(commands)}
        self._record(object_name(group.kind, "group", group_id), commands[0], told)
        return commands

    def cancel(self, command_id: str) -> Command:
        """Ask that it be not delivered any more, or its effect ended. Raises NotFound, Forbidden, Conflict."""
        self._may_cancel(find_command(self.tx, self.actor, command_id))
        cancelled = request_cancellation(self.tx, command_id, self.now_us)
        told = {"command": cancelled.name, "command_id": command_id}
        self._record_cancellation(object_name(cancelled.kind, cancelled.asset_id), cancelled, told)
        return cancelled

    def cancel_group(self, wire_id: str) -> Sequence[Command]:
        """Ask that it be cancelled for every member it may still concern. Raises NotFound, Forbidden, Conflict."""
        first = find_group_command(self.tx, self.actor, wire_id)[0]
        self._may_cancel(first)
        cancel_group(self.tx, wire_id, self.now_us)
        told = {"command": first.name, "wire_id": wire_id}
        self._record_cancellation(object_name(first.kind, "group", first.group_id or ""), first, told)
        return find_group_command(self.tx, self.actor, wire_id)

    def _origin(self) -> CommandOrigin:
        return CommandOrigin(self.actor.name, self.now_us)

    def _own(self, request: CommandRequest) -> CommandRequest:
        """Its key is this actor's alone: others may bear his name."""
        if request.idempotency_key is None:
            return request
        key = hashlib.sha256(f"{self.actor.actor} {request.idempotency_key}".encode()).hexdigest()
        return replace(request, idempotency_key=key)

    def _scope(self, kind: str, name: str) -> str:
        body = self.catalog[kind].command(name)
        if body is None:
            raise Invalid("no_such_command", kind=kind, command=name, field="name")
        return body.SCOPE

    def _may_cancel(self, command: Command) -> None:
        body = self.catalog[command.kind].command(command.name)
        scope = body.SCOPE if body is not None else f"{command.kind}:command"
        if command.group_id is None or not self.actor.may_within(scope, f"group/{command.group_id}"):
            self.actor.require_on(scope, command.asset_id)

    def _record(self, thing: str, command: Command, told: Mapping[str, Any]) -> None:
        until = None if command.until_us is None else rfc3339(command.until_us)
        what = {"command": command.name, "arguments": dict(command.arguments), "until": until, "reason": command.reason}
        record_action(self.tx, self.actor, "command.issue", thing, detail={**what, **told}, tenant_id=command.tenant_id)

    def _record_cancellation(self, thing: str, command: Command, told: Mapping[str, Any]) -> None:
        record_action(self.tx, self.actor, "command.cancel", thing, detail=told, tenant_id=command.tenant_id)


def find_command(tx: RegistryTransaction, actor: Actor, command_id: str) -> Command:
    """Return a command to what the actor may see. Raises NotFound."""
    command = tx.get(CommandRepository).get(command_id)
    actor.must_see_asset(command.tenant_id, command.kind, command.asset_id)
    return command


def find_group_command(tx: RegistryTransaction, actor: Actor, wire_id: str) -> Sequence[Command]:
    """Return a command to each member of a group that the actor may see. Raises NotFound."""
    commands = tx.get(CommandRepository).by_wire_id(wire_id)
    if not commands or commands[0].group_id is None:
        raise NotFound
    authorization.own_group(tx, actor, commands[0].group_id)
    return commands
