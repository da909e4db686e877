"""Whether the devices behind which others hang are connected: another worker may follow those."""

from collections.abc import Collection, Mapping

from application.ports.latest_values import LatestValues
from application.ports.registry import RegistryTransaction
from gateway.effects.device_state_cache import AssetNow

_STATUS = "status"


class ParentStatuses:
    """A copy of the registry's states that is dropped when any state changed; used by the effects thread."""

    def __init__(self) -> None:
        self._revision = -1
        self._states: dict[str, str] = {}
        self._at_hand: Mapping[str, AssetNow] = {}

    def follow(self, tx: RegistryTransaction, parents: Collection[str], at_hand: Mapping[str, AssetNow]) -> None:
        """Know these; what is `at_hand` in this pass is newer than the registry."""
        self._at_hand = at_hand
        asked = [parent for parent in parents if parent not in at_hand]
        if not asked:
            return
        latest = tx.get(LatestValues)
        revision = latest.status_revision()
        if revision != self._revision:
            self._states.clear()
            self._revision = revision
        missing = [parent for parent in asked if parent not in self._states]
        if missing:
            self._states.update(dict.fromkeys(missing, "unknown"))
            rows = [row for row in latest.of_assets(missing) if row.channel == _STATUS]
            self._states.update((row.asset_id, str(row.values.get("state", "unknown"))) for row in rows)

    def of(self, asset_id: str) -> str:
        """State of a parent that was followed; `unknown` of others."""
        asset = self._at_hand.get(asset_id)
        if asset is None:
            return self._states.get(asset_id, "unknown")
        row = asset.latest.get((_STATUS, ""))
        return "unknown" if row is None else str(row.values.get("state", "unknown"))

    def forget(self) -> None:
        """Drop all, after a transaction that failed."""
        self._states.clear()
        self._revision = -1
        self._at_hand = {}
