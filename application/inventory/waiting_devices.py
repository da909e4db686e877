"""Devices that speak and are not registered: they wait, until somebody who may approves them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from application.access.actor import Actor
from application.audit.audit_trail import object_name, record_action
from application.inventory.asset_registrar import WRITE, AssetRegistrar, NewAsset
from application.ports.inventory import Asset, AssetRepository, UnknownDevice
from application.ports.registry import RegistryTransaction
from devices.errors import NotFound
from devices.kind_catalog import KindCatalog


@dataclass(frozen=True, slots=True)
class DeviceApproval:
    """How to register a waiting device; its town and kind are those it speaks as. None: as it says."""

    asset_id: str | None = None
    name: str | None = None
    lat: float | None = None
    lon: float | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    via: str | None = None


def approve_device(  # noqa: PLR0917
    tx: RegistryTransaction, actor: Actor, catalog: KindCatalog, device_id: str, approval: DeviceApproval, now_us: int
) -> Asset:
    """Register a waiting device, bound from when it was first seen, so that its dead letters can be replayed.

    Raises NotFound, Forbidden, Invalid, Conflict.
    """
    waiting = _find_waiting(tx, actor, catalog, device_id)
    wanted = NewAsset(
        asset_id=approval.asset_id or device_id,
        tenant_id=waiting.tenant_id,
        kind=waiting.kind,
        name=approval.name or device_id,
        device_id=device_id,
        lat=approval.lat if approval.lat is not None else _number(waiting, "lat"),
        lon=approval.lon if approval.lon is not None else _number(waiting, "lon"),
        attributes=approval.attributes,
        via=approval.via,
    )
    asset = AssetRegistrar(tx, actor, catalog, now_us).register(wanted, waiting.first_seen_us)
    thing, detail = object_name(asset.kind, asset.asset_id), {"device_id": device_id}
    record_action(tx, actor, "device.approve", thing, detail=detail, tenant_id=asset.tenant_id)
    return asset


def forget_waiting_device(tx: RegistryTransaction, actor: Actor, catalog: KindCatalog, device_id: str) -> None:
    """Drop from the waiting list; it comes back when the device speaks again. Raises NotFound, Forbidden."""
    waiting = _find_waiting(tx, actor, catalog, device_id)
    tx.get(AssetRepository).forget_unknown(device_id)
    thing = object_name(waiting.kind, "unknown", device_id)
    record_action(tx, actor, "device.forget", thing, tenant_id=waiting.tenant_id)


def _find_waiting(tx: RegistryTransaction, actor: Actor, catalog: KindCatalog, device_id: str) -> UnknownDevice:
    waiting = tx.get(AssetRepository).get_unknown(device_id)
    actor.must_see(waiting.tenant_id, waiting.kind)
    if waiting.kind not in catalog:
        raise NotFound
    actor.require_of_kind(WRITE, waiting.kind)
    return waiting


def _number(waiting: UnknownDevice, name: str) -> float | None:
    value = (waiting.info or {}).get(name)
    return float(value) if isinstance(value, int | float) else None
