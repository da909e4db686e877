"""Cancellations on their way: repeated until the device confirms or the effect is over."""

from collections.abc import Iterable, Mapping, Sequence

from devices.commands.command import Command
from gateway.dispatch import send_plan
from gateway.dispatch.device_addresses import DeviceAddress


class CancellationSender:
    """Remembers when each cancellation was sent; forgotten at a restart, then they go out again."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._tries: dict[str, tuple[int, int]] = {}
        """Tries so far and the instant of the next, by command id."""

    def hurry(self, commands: Iterable[Command]) -> None:
        """The device connected anew: do not wait for the next try."""
        for command in commands:
            tries, _ = self._tries.get(command.command_id, (0, 0))
            if tries:
                self._tries[command.command_id] = (tries, 0)

    def due(self, wanted: Sequence[Command], now_us: int) -> list[Command]:
        """Those of the wanted cancellations whose time has come; all others are forgotten."""
        self._tries = {c.command_id: self._tries[c.command_id] for c in wanted if c.command_id in self._tries}
        return [c for c in wanted if self._tries.get(c.command_id, (0, 0))[1] <= now_us]

    def messages(
        self, due: Sequence[Command], open_commands: Iterable[Command], to: Mapping[str, DeviceAddress], now_us: int
    ) -> list[tuple[str, bytes]]:
        """Topic and payload of each message; a group that is cancelled as a whole gets one first. Counts the tries."""
        for command in due:
            tries = self._tries.get(command.command_id, (0, 0))[0] + 1
            self._tries[command.command_id] = (tries, send_plan.retry_us(tries, now_us))
        first = [c for c in due if c.group_id is not None and self._tries[c.command_id][0] == 1]
        groups = (_hearing(members, to) for members in _whole_groups(first, open_commands))
        whole = [members for members in groups if len(members) > 1]
        reached = {c.command_id for members in whole for c in members}
        alone = [c for c in due if c.command_id not in reached]
        return [send_plan.cancel_to_group(members, self._root) for members in whole] + [
            send_plan.cancel_to_device(c, to[c.asset_id]) for c in alone if c.asset_id in to
        ]


def _hearing(members: Sequence[Command], to: Mapping[str, DeviceAddress]) -> list[Command]:
    """Those whose devices hear what is said to their group."""
    return [c for c in members if c.asset_id not in to or not to[c.asset_id].through_connector]


def _whole_groups(first: Sequence[Command], open_commands: Iterable[Command]) -> list[list[Command]]:
    """Groups of which every open command is cancelled: nobody else would hear it."""
    if not first:
        return []
    kept = {c.wire_id for c in open_commands if c.cancel_requested_us is None}
    groups: dict[str, list[Command]] = {}
    for command in first:
        groups.setdefault(command.wire_id, []).append(command)
    return [members for wire_id, members in groups.items() if wire_id not in kept and len(members) > 1]
