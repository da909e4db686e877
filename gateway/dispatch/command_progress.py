"""What devices answer, recorded in the effects transaction. Everything here may run twice with the same result."""

from collections.abc import Iterable, Mapping, Sequence

from application.commands.command_changes import command_changes
from application.ports.changes import Change
from application.ports.commands import CommandRepository
from application.ports.desired_configs import DesiredConfigs
from application.ports.registry import RegistryTransaction
from devices.commands import lifecycle
from devices.commands.command import Command, DeliveryState
from devices.commands.supersession import ends_effect_of
from devices.kind import DeviceKind
from devices.messages import AckMessage, Envelope, StateMessage
from devices.time_us import to_us


class CommandProgress:
    """Records acks and states as progress of commands, and which configuration a device runs."""

    def __init__(self, catalog: Mapping[str, DeviceKind]) -> None:
        self._catalog = catalog

    def on_acks(self, tx: RegistryTransaction, acks: Sequence[tuple[str, AckMessage, int]]) -> list[Change]:
        """Take (asset_id, ack, received_us) in order of receipt; acks to unknown commands change nothing."""
        keys = {(ack.command_id, asset_id) for asset_id, ack, _ in acks}
        progress = _Progress(self._catalog, tx.get(CommandRepository).by_wire_ids_of(keys, lock=True) if keys else ())
        for asset_id, ack, received_us in acks:
            for command in progress.named(asset_id, ack.command_id):
                progress.put(lifecycle.on_ack(command, ack.status, ack.reason, _ts_us(ack), received_us), received_us)
        return self._record(tx, progress)

    def on_states(self, tx: RegistryTransaction, states: Sequence[tuple[str, StateMessage, int]]) -> list[Change]:
        """Take (asset_id, state, received_us) in order of receipt, retained ones too."""
        if not states:
            return []
        assets = {asset_id for asset_id, _, _ in states}
        keys = {(state.applied_command_id, asset_id) for asset_id, state, _ in states if state.applied_command_id}
        commands = tx.get(CommandRepository)
        known = [*commands.by_wire_ids_of(keys, lock=True), *commands.in_force(assets, lock=True)]
        progress = _Progress(self._catalog, known)
        configs = tx.get(DesiredConfigs)
        for asset_id, state, received_us in states:
            for command in progress.of_asset(asset_id):
                after = lifecycle.on_state(command, state.applied_command_id, _ts_us(state), received_us)
                progress.put(after, received_us)
            if state.config_version is not None:
                configs.mark_applied(asset_id, state.config_version)
        return self._record(tx, progress)

    def _record(self, tx: RegistryTransaction, progress: "_Progress") -> list[Change]:
        applied = progress.newly_applied()
        if applied:
            for command in tx.get(CommandRepository).in_force({c.asset_id for c in applied}, lock=True):
                progress.know(command)
            progress.supersede(applied)
        changed = progress.changed()
        if not changed:
            return []
        tx.get(CommandRepository).record(changed)
        return command_changes(changed, progress.newest_us)


class _Progress:
    """Commands as they were read and as they are now."""

    def __init__(self, catalog: Mapping[str, DeviceKind], commands: Iterable[Command]) -> None:
        self._catalog = catalog
        self._before: dict[str, Command] = {}
        self._now: dict[str, Command] = {}
        self._by_asset: dict[str, list[str]] = {}
        self.newest_us = 0
        for command in commands:
            self.know(command)

    def know(self, command: Command) -> None:
        """Take a command as read, unless it is known."""
        if command.command_id not in self._before:
            self._before[command.command_id] = self._now[command.command_id] = command
            self._by_asset.setdefault(command.asset_id, []).append(command.command_id)

    def put(self, command: Command, at_us: int) -> None:
        """Take a command after a step."""
        self._now[command.command_id] = command
        self.newest_us = max(self.newest_us, at_us)

    def of_asset(self, asset_id: str) -> list[Command]:
        """Commands of the asset as they are now."""
        return [self._now[i] for i in self._by_asset.get(asset_id, ())]

    def named(self, asset_id: str, wire_id: str) -> list[Command]:
        """Command of the asset with this wire id."""
        return [c for c in self.of_asset(asset_id) if c.wire_id == wire_id]

    def changed(self) -> list[Command]:
        """Commands that are not as they were read."""
        return [c for i, c in self._now.items() if c is not self._before[i]]

    def newly_applied(self) -> list[Command]:
        """Commands that became `applied`."""
        was = self._before
        return [c for c in self.changed() if c.delivery is DeliveryState.APPLIED is not was[c.command_id].delivery]

    def supersede(self, applied: Iterable[Command]) -> None:
        """End the effects of earlier commands that the applied ones replace."""
        for later in applied:
            for earlier in self.of_asset(later.asset_id):
                if ends_effect_of(self._catalog, later, earlier):
                    at_us = later.applied_us or self.newest_us
                    self.put(lifecycle.mark_superseded(earlier, later.command_id, at_us), at_us)


def _ts_us(message: Envelope) -> int | None:
    return None if message.ts is None else to_us(message.ts)
