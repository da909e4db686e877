"""Changes of newest values for the live stream; each device at most once a second."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from application.ports.changes import Change
from application.privacy.small_counts import shown_values
from devices.kind import DeviceKind
from devices.samples import TELEMETRY
from devices.time_us import SECOND_US, rfc3339
from gateway.effects.device_state_cache import AssetNow
from gateway.effects.latest_updater import Trigger

NO_KINDS: Final[Mapping[str, DeviceKind]] = MappingProxyType({})
_FEW = 50
_PER_CHANGE = 200


class ChangePublisher:
    """Gathers what changed until it is told."""

    def __init__(self, kinds: Mapping[str, DeviceKind] = NO_KINDS) -> None:
        self._kinds = kinds
        self._pending: dict[Trigger, AssetNow] = {}
        self._told_us = 0

    def changes(self, triggers: set[Trigger], now: Mapping[str, AssetNow], now_us: int) -> list[Change]:
        """Changes due now: at once while few devices speak, else each second for all since."""
        for trigger in triggers:
            if trigger[1] in {TELEMETRY, "state", "status", "info"}:
                self._pending[trigger] = now[trigger[0]]
        if not self.due(now_us):
            return []
        pending, self._pending = self._pending, {}
        self._told_us = now_us
        grouped: dict[tuple[str, str, str], list[tuple[str, str, AssetNow]]] = {}
        for (asset_id, channel, part), asset in pending.items():
            key = (asset.latest[channel, part].tenant_id, asset.asset.kind, channel)
            grouped.setdefault(key, []).append((asset_id, part, asset))
        return [
            Change(
                0,
                now_us,
                tenant_id,
                kind,
                channel,
                {"devices": [self._told(*one, channel) for one in rows[at : at + _PER_CHANGE]]},
            )
            for (tenant_id, kind, channel), rows in grouped.items()
            for at in range(0, len(rows), _PER_CHANGE)
        ]

    def due(self, now_us: int) -> bool:
        """Whether something is pending and may be told."""
        return bool(self._pending) and (len(self._pending) <= _FEW or now_us - self._told_us >= SECOND_US)

    def forget(self) -> None:
        """Drop what is pending, after a transaction that failed."""
        self._pending.clear()

    def _told(self, asset_id: str, part: str, asset: AssetNow, channel: str) -> dict[str, object]:
        row = asset.latest[channel, part]
        values = shown_values(self._kinds.get(asset.asset.kind), row.values)
        told: dict[str, object] = {"device_id": asset_id, "ts": rfc3339(row.ts_us), "values": values}
        if part:
            told["part"] = part
        if row.suspect:
            told["suspect"] = True
        return told
