"""The ports that issuing needs, in memory."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

from application.ports.changes import Change, ChangeFeed
from application.ports.commands import CommandRepository
from application.ports.inventory import Asset, AssetRepository
from application.ports.latest_values import LatestValue, LatestValues
from application.ports.loans import Loan, LoanRepository
from devices.commands.command import Command
from devices.errors import NotFound

P = TypeVar("P")


@dataclass
class FakeCommands:
    filed: dict[str, Command] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[str, list[str]]] = field(default_factory=dict)

    def add(self, commands: Sequence[Command], idempotency_key: str | None = None, request_digest: str = "") -> None:
        self.filed.update({c.command_id: c for c in commands})
        if idempotency_key is not None:
            self.keys[commands[0].issuer, idempotency_key] = (request_digest, [c.command_id for c in commands])

    def by_idempotency_key(self, issuer: str, key: str) -> tuple[str, Sequence[Command]] | None:
        digest, ids = self.keys.get((issuer, key), ("", []))
        return (digest, [self.filed[i] for i in ids]) if ids else None

    def by_wire_id(self, wire_id: str) -> Sequence[Command]:
        return [c for c in self.filed.values() if c.wire_id == wire_id]

    def request_cancel(self, command_id: str, at_us: int) -> Command:
        if command_id not in self.filed:
            raise NotFound(command_id)
        self.filed[command_id] = replace(self.filed[command_id], cancel_requested_us=at_us)
        return self.filed[command_id]


@dataclass
class FakeInventory:
    assets: dict[str, Asset] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)

    def many(self, asset_ids: Collection[str]) -> dict[str, Asset]:
        return {i: self.assets[i] for i in asset_ids if i in self.assets}

    def current_devices(self, asset_ids: Collection[str]) -> dict[str, str]:
        return {i: self.devices[i] for i in asset_ids if i in self.devices}


@dataclass
class FakeLatest:
    rows: list[LatestValue] = field(default_factory=list)

    def of_assets(self, asset_ids: Collection[str]) -> Sequence[LatestValue]:
        return [r for r in self.rows if r.asset_id in asset_ids]


@dataclass
class FakeChanges:
    told: list[Change] = field(default_factory=list)

    def add(self, changes: Sequence[Change]) -> None:
        self.told.extend(changes)


class FakeLoans:
    """Nothing is lent."""

    def of_assets(self, asset_ids: Collection[str]) -> Mapping[str, tuple[Loan, ...]]:
        return {}


@dataclass
class FakeTransaction:
    commands: FakeCommands = field(default_factory=FakeCommands)
    inventory: FakeInventory = field(default_factory=FakeInventory)
    latest: FakeLatest = field(default_factory=FakeLatest)
    changes: FakeChanges = field(default_factory=FakeChanges)

    def get(self, port: type[P]) -> P:
        parts: dict[type, Any] = {
            CommandRepository: self.commands,
            AssetRepository: self.inventory,
            LatestValues: self.latest,
            ChangeFeed: self.changes,
            LoanRepository: FakeLoans(),
        }
        return cast("P", parts[port])
