"""What the dispatcher knows without asking the registry: open commands and the connection of their devices."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from application.commands.command_changes import TOPIC, command_keys
from application.ports.changes import ChangeFeed
from application.ports.commands import CommandRepository
from application.ports.latest_values import LatestValues
from application.ports.memberships import MOVED
from application.ports.registry import RegistryTransaction
from devices.commands.command import Command
from devices.commands.lifecycle import is_settled
from devices.samples import Value
from devices.time_us import SECOND_US
from gateway.dispatch.send_plan import wake_us

ALL: Final = 1_000_000
CHANGES_AT_ONCE: Final = 500
RELOAD_US: Final = 30 * SECOND_US
STATUS_EVERY_US: Final = SECOND_US // 2
UNKNOWN: Final = "unknown"


@dataclass(slots=True)
class OpenCommands:
    """Open commands, brought up to date from the table `changes`, and wholly read again every 30 s."""

    commands: dict[str, Command] = field(default_factory=dict)
    connections: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Values of `status` by asset, for assets that have open commands and a device that ever said it."""
    came_online: dict[str, int] = field(default_factory=dict)
    """Assets whose device connected anew since somebody took note, or is reached on other topics: since when (µs)."""
    _wakes: dict[str, int] = field(default_factory=dict)
    _of_asset: dict[str, set[str]] = field(default_factory=dict)
    _mark: int | None = None
    _loaded_us: int = 0
    _connections_us: int = 0
    _connections_stale: bool = False

    def refresh(self, tx: RegistryTransaction, now_us: int) -> None:
        """Take in what changed since the last call."""
        changes = tx.get(ChangeFeed)
        if self._mark is None or now_us - self._loaded_us > RELOAD_US or changes.oldest() > self._mark + 1:
            self._reload(tx, now_us)
        else:
            self._follow(tx, changes, self._mark)
        if self._connections_stale and now_us - self._connections_us >= STATUS_EVERY_US:
            self._connect(tx, [a for a in self._of_asset if self.undelivered(a)])
            self._connections_us, self._connections_stale = now_us, False

    def put(self, command: Command) -> None:
        """Take a command as it is now; settled ones are forgotten."""
        if is_settled(command):
            self._drop(command)
        else:
            self.commands[command.command_id] = command
            self._wakes[command.command_id] = wake_us(command)
            self._of_asset.setdefault(command.asset_id, set()).add(command.command_id)

    def of_asset(self, asset_id: str) -> list[Command]:
        """Open commands of an asset."""
        return [self.commands[i] for i in self._of_asset.get(asset_id, ())]

    def awake(self, now_us: int) -> list[Command]:
        """Commands to look at now."""
        return [self.commands[i] for i, at_us in self._wakes.items() if at_us <= now_us]

    def undelivered(self, asset_id: str) -> bool:
        """Tell whether a command to the asset waits for its delivery or its cancellation."""
        return any(not c.delivery.final or c.cancel_requested_us is not None for c in self.of_asset(asset_id))

    def status(self, asset_id: str) -> str:
        """Connection state of the asset's device; `unknown` where it never said."""
        return str(self.connections.get(asset_id, {}).get("state", UNKNOWN))

    def since_us(self, asset_id: str) -> int:
        """When that state was received; 0 where the device never said it."""
        return int(self.connections.get(asset_id, {}).get("received_us", 0))

    def knows(self, asset_id: str) -> bool:
        """Tell whether there are open commands to the asset."""
        return asset_id in self._of_asset

    def _reload(self, tx: RegistryTransaction, now_us: int) -> None:
        self._mark = tx.get(ChangeFeed).newest()
        self._loaded_us = self._connections_us = now_us
        self.commands.clear()
        self._wakes.clear()
        self._of_asset.clear()
        self._take(tx, tx.get(CommandRepository).awaiting(ALL))
        self._connect(tx, [a for a in self._of_asset if self.undelivered(a)])
        self.connections = {a: c for a, c in self.connections.items() if a in self._of_asset}

    def _follow(self, tx: RegistryTransaction, changes: ChangeFeed, mark: int) -> None:
        keys: set[tuple[str, str]] = set()
        while True:
            news = changes.after(mark, CHANGES_AT_ONCE)
            for change in news:
                mark = change.change_id
                if change.topic == TOPIC:
                    keys.update(command_keys(change))
                elif change.topic == "status":
                    self._connections_stale = True
                elif change.topic == MOVED:
                    moved = self._of_asset.keys() & {d["device_id"] for d in change.data["devices"]}
                    self.came_online.update(dict.fromkeys(moved, change.at_us))
            if len(news) < CHANGES_AT_ONCE:
                break
        self._mark = mark
        if keys:
            self._take(tx, tx.get(CommandRepository).by_wire_ids_of(keys))

    def _take(self, tx: RegistryTransaction, commands: Iterable[Command]) -> None:
        new_assets = set()
        for command in commands:
            # While nothing waited for its delivery nobody followed the device's status.
            if not command.delivery.final and not self.undelivered(command.asset_id):
                new_assets.add(command.asset_id)
            self.put(command)
        self._connect(tx, new_assets)

    def _connect(self, tx: RegistryTransaction, asset_ids: Collection[str]) -> None:
        if not asset_ids:
            return
        for row in tx.get(LatestValues).of_assets(asset_ids):
            if row.channel != "status":
                continue
            before = self.connections.get(row.asset_id)
            now: dict[str, Value | Any] = {**row.values, "received_us": row.received_us}
            if before is not None and before != now and now.get("state") == "online":
                self.came_online[row.asset_id] = row.received_us
            self.connections[row.asset_id] = now

    def _drop(self, command: Command) -> None:
        self.commands.pop(command.command_id, None)
        self._wakes.pop(command.command_id, None)
        ids = self._of_asset.get(command.asset_id)
        if ids is not None:
            ids.discard(command.command_id)
            if not ids:
                del self._of_asset[command.asset_id]
                self.connections.pop(command.asset_id, None)
                self.came_online.pop(command.asset_id, None)
