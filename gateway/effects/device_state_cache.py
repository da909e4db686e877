"""What is known of each asset now: a copy of the registry's newest values, rule states and open alarms."""

from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any

from application.lending import AssetOwnership
from application.ports.alarms import AlarmRepository
from application.ports.desired_configs import DesiredConfigs
from application.ports.inventory import Asset
from application.ports.latest_values import LatestValue, LatestValues, RuleStates
from application.ports.registry import RegistryTransaction
from devices.alarms import Alarm
from devices.rules import DeviceView, LatestObservation
from devices.samples import TELEMETRY

_REMEMBERED = 20_000


@dataclass(slots=True)
class AssetNow:
    """Changes with each pass; `dirty` are rows of `latest` not yet written."""

    asset: Asset
    latest: dict[tuple[str, str], LatestValue] = field(default_factory=dict)
    rule_states: dict[str, Any] = field(default_factory=dict)
    alarms: dict[tuple[str, str], Alarm] = field(default_factory=dict)
    dirty: set[tuple[str, str]] = field(default_factory=set)
    last_seen_us: int = 0
    configured_interval_s: float | None = None
    ownership: AssetOwnership = field(init=False)

    def __post_init__(self) -> None:
        """Its own town has it, until it is said otherwise."""
        self.ownership = AssetOwnership(self.asset.tenant_id)

    def hand_over(self, now_us: int) -> None:
        """Give what the device *is* to the town that has it now; what it measured stays with whose it was then."""
        holder = self.ownership.at(now_us)
        for key, row in self.latest.items():
            if row.channel != TELEMETRY and row.tenant_id != holder:
                self.latest[key] = replace(row, tenant_id=holder)
                self.dirty.add(key)

    def keep_newer(self, row: LatestValue, *, live: bool = True) -> bool:
        """Keep the row when it is newer; tells whether it was. A retained delivery is no sign of life."""
        key = (row.channel, row.part)
        known = self.latest.get(key)
        if live:
            self.last_seen_us = max(self.last_seen_us, row.received_us)
        elif known is not None and known.values == row.values:
            return False
        if known is not None and (row.ts_us, row.received_us) <= (known.ts_us, known.received_us):
            return False
        self.latest[key] = row
        self.dirty.add(key)
        return True

    def view(self, now_us: int) -> DeviceView:
        """The same as rules see it: nothing that was measured for another town."""
        holder = self.ownership.at(now_us)
        status = self.latest.get(("status", ""))
        return DeviceView(
            self.asset.asset_id,
            self.asset.kind,
            self.asset.tenant_id,
            str(status.values.get("state", "unknown")) if status else "unknown",
            status.ts_us if status else 0,
            self.last_seen_us,
            _observation(self.latest.get(("state", ""))),
            _observation(self.latest.get(("info", ""))),
            {
                part: _observed(row)
                for (channel, part), row in self.latest.items()
                if channel == TELEMETRY and row.tenant_id == holder
            },
            self.asset.attributes,
            self.configured_interval_s,
        )


def _observation(row: LatestValue | None) -> LatestObservation | None:
    return None if row is None else _observed(row)


def _observed(row: LatestValue) -> LatestObservation:
    return LatestObservation(row.ts_us, row.received_us, row.values, row.suspect)  # type: ignore[arg-type]


class DeviceStateCache:
    """Loads assets as they speak; forgets the ones longest silent."""

    def __init__(
        self, ownership_of: Callable[[Asset], AssetOwnership] = lambda asset: AssetOwnership(asset.tenant_id)
    ) -> None:
        self._now: OrderedDict[str, AssetNow] = OrderedDict()
        self._ownership_of = ownership_of

    def load(self, tx: RegistryTransaction, assets: Collection[Asset]) -> dict[str, AssetNow]:
        """The given assets; what the registry says of them replaces what was remembered."""
        missing = [a for a in assets if a.asset_id not in self._now]
        if missing:
            self._fetch(tx, missing)
        for asset in assets:
            now = self._now[asset.asset_id]
            now.asset = asset
            now.ownership = self._ownership_of(asset)
            self._now.move_to_end(asset.asset_id)
        while len(self._now) > max(_REMEMBERED, len(assets)):
            self._now.popitem(last=False)
        return {a.asset_id: self._now[a.asset_id] for a in assets}

    def look_up_intervals(self, tx: RegistryTransaction, asset_ids: Collection[str]) -> None:
        """Read anew what is configured for remembered assets; people change it while we run."""
        known = [asset_id for asset_id in asset_ids if asset_id in self._now]
        found = tx.get(DesiredConfigs).reporting_intervals_s(known)
        for asset_id in known:
            self._now[asset_id].configured_interval_s = found.get(asset_id)

    def _fetch(self, tx: RegistryTransaction, assets: Collection[Asset]) -> None:
        ids = [a.asset_id for a in assets]
        for asset in assets:
            self._now[asset.asset_id] = AssetNow(asset)
        for row in tx.get(LatestValues).of_assets(ids):
            self._now[row.asset_id].keep_newer(row)
        for asset_id, states in tx.get(RuleStates).load(ids).items():
            self._now[asset_id].rule_states = dict(states)
        for alarm in tx.get(AlarmRepository).open_of(ids):
            self._now[alarm.asset_id].alarms[alarm.name, alarm.part] = alarm
        for asset_id in ids:
            self._now[asset_id].dirty.clear()
        self.look_up_intervals(tx, ids)

    def remembered(self, asset_id: str) -> AssetNow | None:
        """What is known of an asset, where it is remembered."""
        return self._now.get(asset_id)

    def status_of(self, asset_id: str) -> str:
        """Connection state of a remembered asset; `unknown` of others."""
        now = self._now.get(asset_id)
        row = now.latest.get(("status", "")) if now else None
        return str(row.values.get("state", "unknown")) if row else "unknown"

    def forget(self) -> None:
        """Drop all, after a transaction that failed."""
        self._now.clear()
