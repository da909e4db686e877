"""Devices as the API shows them."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, JsonValue

from api.times import TimeOut, age_s
from devices.ports.current import Latest, LatestValues
from devices.ports.inventory import Asset, Inventory
from devices.ports.registry import Transaction


class Device(BaseModel):
    """An asset and the device (controller) now bound to it; `id` never changes, `device_id` does."""

    id: str
    tenant_id: str
    kind: str
    name: str
    device_id: str | None
    status: str
    """online, offline, sleeping, removed, or unknown when it never said."""
    status_since: TimeOut | None
    last_seen_at: TimeOut | None
    last_seen_age_s: float | None
    lat: float | None
    lon: float | None
    attributes: dict[str, JsonValue]
    via: str | None
    created_at: TimeOut
    retired_at: TimeOut | None
    version: int


def devices(tx: Transaction, assets: Sequence[Asset], now_us: int) -> list[Device]:
    """Show assets with device and connection, in the given order."""
    ids = [a.asset_id for a in assets]
    bound = tx.get(Inventory).current_devices(ids)
    latest = _by_asset(tx.get(LatestValues).of_assets(ids))
    return [_device(a, bound.get(a.asset_id), latest.get(a.asset_id, []), now_us) for a in assets]


def device(tx: Transaction, asset: Asset, now_us: int) -> Device:
    """Show one asset with device and connection."""
    return devices(tx, [asset], now_us)[0]


def _by_asset(rows: Iterable[Latest]) -> Mapping[str, Sequence[Latest]]:
    found: dict[str, list[Latest]] = {}
    for row in rows:
        found.setdefault(row.asset_id, []).append(row)
    return found


def _device(asset: Asset, device_id: str | None, latest: Sequence[Latest], now_us: int) -> Device:
    status = next((r for r in latest if r.channel == "status"), None)
    seen_us = max((r.received_us for r in latest), default=None)
    return Device(
        id=asset.asset_id,
        tenant_id=asset.tenant_id,
        kind=asset.kind,
        name=asset.name,
        device_id=device_id,
        status="unknown" if status is None else str(status.values.get("state", "unknown")),
        status_since=None if status is None else status.ts_us,
        last_seen_at=seen_us,
        last_seen_age_s=None if seen_us is None else age_s(seen_us, now_us),
        lat=asset.lat,
        lon=asset.lon,
        attributes=dict(asset.attributes),
        via=asset.via,
        created_at=asset.created_us,
        retired_at=asset.retired_us,
        version=asset.version,
    )
