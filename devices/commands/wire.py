"""Commands and configurations as devices receive them, version 1.

A command on `…/cmd/{name}` is one flat JSON object: the head `v`, `command_id`, `name`, `issued_at`, `deliver_by`,
`issuer`, where they apply `start_at`, `until`, `ack_spread_s` (s), and beside it the command's arguments, which never
use a name of the head. A cancellation on `…/cmd/cancel` is `{"v": 1, "command_id": …}`. A configuration on `…/config`
is `{"v": 1, "version": n}` and the kind's configuration fields. Instants are RFC 3339 in UTC.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from devices.commands.command import Command
from devices.messages import PROTOCOL_VERSION
from devices.time_us import rfc3339

CANCEL: Final = "cancel"
"""The command name that is ours in every kind."""
HEAD: Final = frozenset({
    "v", "command_id", "name", "issued_at", "deliver_by", "start_at", "until", "issuer", "ack_spread_s",
})  # fmt: skip
"""Names that no argument may use."""
SPREAD_MEMBERS_PER_S: Final = 200
SPREAD_MAX_S: Final = 10.0


def ack_spread_s(members: int) -> float:
    """Seconds over which the members of a group spread their answers, so that these come at a rate the radio bears."""
    return min(SPREAD_MAX_S, members / SPREAD_MEMBERS_PER_S) if members > 1 else 0.0


def encode_command(command: Command, spread_s: float = 0.0) -> bytes:
    """Bytes of a command; equal for all members of a group but for the tenant's topic."""
    message: dict[str, Any] = dict(command.arguments)
    message |= {
        "v": PROTOCOL_VERSION,
        "command_id": command.wire_id,
        "name": command.name,
        "issued_at": rfc3339(command.issued_us),
        "deliver_by": rfc3339(command.deliver_by_us),
        "issuer": command.issuer,
    }
    if command.start_us is not None:
        message["start_at"] = rfc3339(command.start_us)
    if command.until_us is not None:
        message["until"] = rfc3339(command.until_us)
    if spread_s > 0:
        message["ack_spread_s"] = spread_s
    return _json(message)


def encode_cancel(command: Command) -> bytes:
    """Bytes of the cancellation of a command."""
    return _json({"v": PROTOCOL_VERSION, "command_id": command.wire_id})


def encode_config(body: Mapping[str, Any], version: int) -> bytes:
    """Bytes of a retained configuration."""
    return _json({**body, "v": PROTOCOL_VERSION, "version": version})


def _json(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode()
