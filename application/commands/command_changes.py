"""What the screen and the dispatcher are told when commands are filed or make progress."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from application.ports.changes import Change
from devices.commands.command import Command

TOPIC: Final = "command"
COMMANDS_PER_CHANGE: Final = 100


def command_changes(commands: Sequence[Command], at_us: int) -> list[Change]:
    """Changes of topic `command`, by tenant and kind: {"commands": {command_id: {…}}}, at most 100 commands each."""
    ordered = sorted(commands, key=_owner)
    changes = []
    for (tenant_id, kind), group in groupby(ordered, key=_owner):
        rows = list(group)
        for start in range(0, len(rows), COMMANDS_PER_CHANGE):
            some = {c.command_id: _news(c) for c in rows[start : start + COMMANDS_PER_CHANGE]}
            changes.append(Change(0, at_us, tenant_id, kind, TOPIC, {"commands": some}))
    return changes


def command_keys(change: Change) -> list[tuple[str, str]]:
    """(wire_id, asset_id) of the commands a change of this topic is about."""
    return [(c["wire_id"], c["asset_id"]) for c in change.data.get("commands", {}).values()]


def _owner(command: Command) -> tuple[str, str]:
    return command.tenant_id, command.kind


def _news(command: Command) -> Mapping[str, Any]:
    return {
        "asset_id": command.asset_id,
        "wire_id": command.wire_id,
        "group_id": command.group_id,
        "name": command.name,
        "delivery": command.delivery.value,
        "effect": command.effect.value,
        "answer": command.answer,
    }
