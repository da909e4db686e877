"""Whether a device can be reached: one whose connector is lost cannot, whatever it said last.

The connector has the alarm, one for all; who does not see that alarm gets one of his own.
"""

from collections.abc import Collection, Iterable, Mapping, MutableMapping
from dataclasses import replace
from typing import Final

from application.ports.inventory import Asset, AssetRepository
from application.ports.latest_values import LatestValue
from application.ports.memberships import MembershipRepository
from application.ports.registry import RegistryTransaction
from devices.generic_rules import is_quiet, silent_after_us
from devices.kind_catalog import KindCatalog
from devices.messages import AWAY, UNREACHABLE, StatusState
from gateway.binding_cache import BindingCache
from gateway.effects.device_state_cache import AssetNow, DeviceStateCache
from gateway.effects.latest_updater import Trigger
from gateway.effects.parent_statuses import ParentStatuses

LOST: Final = frozenset({*AWAY, "removed"})
"""Connectors through which nobody is heard."""
SAID: Final = "said"
"""Beside `state` of a device that cannot be reached: what it said itself."""
_STATUS: Final = ("status", "")


class ReachabilityTracker:
    """Follows connectors and their members; called from the effects thread within its transaction."""

    def __init__(self, catalog: KindCatalog, bindings: BindingCache, views: DeviceStateCache) -> None:
        self._catalog = catalog
        self._bindings = bindings
        self._views = views
        self._parents = ParentStatuses()
        self._revision = -1
        self._connector_of: dict[str, Asset | None] = {}
        self._speaking: dict[str, str] = {}
        """Devices that speak for others, by asset."""
        self._silent: set[str] = set()
        """Assets of connectors that were silent when we last looked."""

    def follow(
        self, tx: RegistryTransaction, triggers: Iterable[Trigger], now: MutableMapping[str, AssetNow], now_us: int
    ) -> set[Trigger]:
        """Bring those up to date whose status, or whose connector's, changed; adds members to `now`."""
        self._sync(tx)
        told = {asset_id for asset_id, channel, _ in triggers if channel == "status"}
        told |= {asset_id for asset_id in self._silent & now.keys() if not self._is_silent(tx, now[asset_id], now_us)}
        for asset_id in sorted(told):
            if members := self.members(tx, asset_id):
                now.update(self._views.load(tx, members))
                told.update(asset.asset_id for asset in members)
        return self._refresh(tx, {asset_id: now[asset_id] for asset_id in told}, now, now_us)

    def refresh(self, tx: RegistryTransaction, now: Mapping[str, AssetNow], now_us: int) -> set[Trigger]:
        """Say of each whether it can be reached; returns what changed."""
        return self._refresh(tx, now, now, now_us)

    def forget(self) -> None:
        """Drop what was read, after a transaction that failed."""
        self._parents.forget()

    def _refresh(
        self, tx: RegistryTransaction, now: Mapping[str, AssetNow], at_hand: Mapping[str, AssetNow], now_us: int
    ) -> set[Trigger]:
        self._know(tx, now, at_hand)
        self._note_silent(tx, now, now_us)
        changed: set[Trigger] = set()
        for asset_id, asset in now.items():
            row = asset.latest.get(_STATUS)
            if row is not None and (seen := self._seen(asset, row, now_us)) is not row:
                asset.latest[_STATUS] = seen
                asset.dirty.add(_STATUS)
                changed.add((asset_id, *_STATUS))
        return changed

    def excuses(self, asset: AssetNow, now_us: int) -> bool:
        """Tell whether somebody else has the alarm when nothing is heard of it; see `refresh` first."""
        parent = asset.asset.via
        if parent is not None and self._parents.of(parent) in AWAY:
            return True
        connector = self._connector(asset)
        if connector is None or not self._shares_alarms(asset, connector, now_us):
            return False
        if self._is_lost(connector) or self._is_quiet(connector, now_us):
            return True
        # Its connector may be gone as long: only what is silent while that was heard is so by itself.
        bound_us = silent_after_us(asset.view(now_us), self._catalog[asset.asset.kind].limits)
        return self._is_quiet(asset, now_us) and connector.last_seen_us <= bound_us

    def members(self, tx: RegistryTransaction, connector_id: str) -> list[Asset]:
        """Assets that the device of this one speaks for now."""
        device_id = self._speaking.get(connector_id)
        if device_id is None:
            return []
        inventory = tx.get(AssetRepository)
        bound = inventory.bindings_of_devices(
            [one.member_id for one in tx.get(MembershipRepository).running_of(device_id)]
        )
        ids = [some[-1].asset_id for some in bound.values() if some[-1].until_us is None]
        return list(self._bindings.assets(inventory, ids).values())

    def unheard(self, tx: RegistryTransaction, connector: AssetNow, now_us: int) -> list[str]:
        """Devices that its alarm stands for, in order of id: of the same town, and of kinds that the same people see.

        Empty unless it is a connector that is lost.
        """
        if not self._is_lost(connector):
            return []
        members = self.members(tx, connector.asset.asset_id)
        now = self._views.load(tx, members)
        return sorted(asset_id for asset_id, one in now.items() if self._shares_alarms(one, connector, now_us))

    def speakers(self, tx: RegistryTransaction, device_ids: Collection[str]) -> Mapping[str, str]:
        """Assets of the connectors among the devices, by device."""
        self._sync(tx)
        return {device: asset_id for asset_id, device in self._speaking.items() if device in device_ids}

    def _sync(self, tx: RegistryTransaction) -> None:
        if self._bindings.revision == self._revision:
            return
        self._connector_of.clear()
        bound = (
            tx.get(AssetRepository).bindings_of_devices(self._bindings.connectors) if self._bindings.connectors else {}
        )
        self._speaking = {some[-1].asset_id: device for device, some in bound.items() if some[-1].until_us is None}
        self._revision = self._bindings.revision

    def _know(self, tx: RegistryTransaction, now: Mapping[str, AssetNow], at_hand: Mapping[str, AssetNow]) -> None:
        """Find who speaks for these and behind whom they are, and what is known of those."""
        self._sync(tx)
        wanted = [asset_id for asset_id in now if asset_id not in self._connector_of]
        if wanted and self._speaking:
            self._connector_of.update(dict.fromkeys(wanted))
            self._connector_of.update(self._connectors_of(tx, wanted))
        above = [one for asset_id in now if (one := self._connector_of.get(asset_id)) is not None]
        parents = {parent for one in at_hand.values() if (parent := one.asset.via) is not None}
        self._parents.follow(tx, parents, at_hand)
        self._views.load(tx, list({one.asset_id: one for one in above if one.asset_id not in now}.values()))

    def _connectors_of(self, tx: RegistryTransaction, asset_ids: Collection[str]) -> Mapping[str, Asset]:
        inventory = tx.get(AssetRepository)
        devices = inventory.current_devices(asset_ids)
        newest = {
            device: some[-1] for device, some in tx.get(MembershipRepository).of_members(devices.values()).items()
        }
        by_device = {device: one.connector_id for device, one in newest.items() if one.until_us is None}
        bound = inventory.bindings_of_devices(set(by_device.values()))
        speaker = {device: some[-1].asset_id for device, some in bound.items() if some[-1].until_us is None}
        assets = self._bindings.assets(inventory, set(speaker.values()))
        return {
            asset_id: assets[speaker[by_device[device]]]
            for asset_id, device in devices.items()
            if by_device.get(device) in speaker
        }

    def _connector(self, asset: AssetNow) -> AssetNow | None:
        found = self._connector_of.get(asset.asset.asset_id)
        return None if found is None else self._views.remembered(found.asset_id)

    def _seen(self, asset: AssetNow, row: LatestValue, now_us: int) -> LatestValue:
        said = str(row.values.get(SAID, row.values.get("state", "unknown")))
        lost = self._lost_with(asset, said)
        if lost == (row.values.get("state") == UNREACHABLE):
            return row
        if lost:
            return replace(row, values={**row.values, "state": UNREACHABLE, SAID: said}, ts_us=now_us)
        values = {name: value for name, value in row.values.items() if name != SAID}
        return replace(row, values={**values, "state": said}, ts_us=now_us)

    def _lost_with(self, asset: AssetNow, said: str) -> bool:
        """Whether it cannot be reached because another cannot: what said goodbye to a connector that is there did."""
        connector = self._connector(asset)
        if connector is not None and self._is_lost(connector):
            return said not in LOST
        parent = asset.asset.via
        return said == "offline" and parent is not None and self._parents.of(parent) in AWAY

    def _is_lost(self, connector: AssetNow) -> bool:
        asset_id = connector.asset.asset_id
        return self._views.status_of(asset_id) in LOST or asset_id in self._silent

    def _note_silent(self, tx: RegistryTransaction, now: Mapping[str, AssetNow], now_us: int) -> None:
        """Look at the connectors among these assets, and at those who speak for them."""
        found = {one.asset.asset_id: one for one in now.values() if one.asset.asset_id in self._speaking}
        found |= {one.asset.asset_id: one for each in now.values() if (one := self._connector(each)) is not None}
        for asset_id, connector in found.items():
            if self._is_silent(tx, connector, now_us):
                self._silent.add(asset_id)
            else:
                self._silent.discard(asset_id)
        self._silent &= self._speaking.keys()

    def _is_silent(self, tx: RegistryTransaction, connector: AssetNow, now_us: int) -> bool:
        """Tell whether nothing came from it for too long, of its own or of its members; who said he sleeps is not."""
        if not self._is_quiet(connector, now_us) or connector.view(now_us).status == StatusState.SLEEPING:
            return False
        # What it relayed is known of its members alone after a restart.
        now = self._views.load(tx, self.members(tx, connector.asset.asset_id))
        connector.last_seen_us = max(connector.last_seen_us, *(one.last_seen_us for one in now.values()), 0)
        return self._is_quiet(connector, now_us)

    def _is_quiet(self, asset: AssetNow, now_us: int) -> bool:
        view = asset.view(now_us)
        return is_quiet(view, self._catalog[view.kind].limits, now_us)

    def _shares_alarms(self, asset: AssetNow, connector: AssetNow, now_us: int) -> bool:
        same_town = asset.ownership.at(now_us) == connector.ownership.at(now_us)
        kinds = {asset.asset.kind, connector.asset.kind}
        return same_town and (len(kinds) == 1 or not any(self._catalog[kind].restricted for kind in kinds))
