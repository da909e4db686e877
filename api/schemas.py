"""Devices as the API shows them."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, Field, JsonValue

from api.time_parameters import TimeOut, age_s
from application.access.actor import Actor
from application.lending import asset_ownerships
from application.ports.inventory import Asset, AssetRepository
from application.ports.latest_values import LatestValue, LatestValues
from application.ports.loans import Loan
from application.ports.registry import RegistryTransaction


class LentSchema(BaseModel):
    """That a device is another town's for a time."""

    tenant_id: str
    """Town that has it."""
    from_: TimeOut = Field(serialization_alias="from")
    until: TimeOut


class DeviceSchema(BaseModel):
    """An asset and the device (controller) now bound to it; `id` never changes, `device_id` does.

    While it is `lent`, its owner sees no status and no values of it.
    """

    id: str
    tenant_id: str
    kind: str
    name: str
    device_id: str | None
    status: str
    """online, offline, sleeping, removed; unreachable behind a connector that is lost; unknown when it never said."""
    status_since: TimeOut | None
    last_seen_at: TimeOut | None
    last_seen_age_s: float | None
    lat: float | None
    lon: float | None
    attributes: dict[str, JsonValue]
    via: str | None
    created_at: TimeOut
    retired_at: TimeOut | None
    lent: LentSchema | None
    """The loan that runs now."""
    version: int


def device_schemas(tx: RegistryTransaction, who: Actor, assets: Sequence[Asset], now_us: int) -> list[DeviceSchema]:
    """Show assets with device and connection, in the given order."""
    ids = [a.asset_id for a in assets]
    bound = tx.get(AssetRepository).current_devices(ids)
    latest = _by_asset(r for r in tx.get(LatestValues).of_assets(ids) if who.is_at_home(r.tenant_id))
    loans = {i: owned.loan_at(now_us) for i, owned in asset_ownerships(tx, assets).items()}
    return [_device(a, bound.get(a.asset_id), latest.get(a.asset_id, []), loans[a.asset_id], now_us) for a in assets]


def device_schema(tx: RegistryTransaction, who: Actor, asset: Asset, now_us: int) -> DeviceSchema:
    """Show one asset with device and connection."""
    return device_schemas(tx, who, [asset], now_us)[0]


def _by_asset(rows: Iterable[LatestValue]) -> Mapping[str, Sequence[LatestValue]]:
    found: dict[str, list[LatestValue]] = {}
    for row in rows:
        found.setdefault(row.asset_id, []).append(row)
    return found


def _device(
    asset: Asset, device_id: str | None, latest: Sequence[LatestValue], loan: Loan | None, now_us: int
) -> DeviceSchema:
    status = next((r for r in latest if r.channel == "status"), None)
    seen_us = max((r.received_us for r in latest), default=None)
    return DeviceSchema(
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
        lent=None if loan is None else LentSchema(tenant_id=loan.tenant_id, from_=loan.from_us, until=loan.until_us),
        version=asset.version,
    )
