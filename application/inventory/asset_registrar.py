"""Registering assets and binding devices to them: the checks that every way in shares."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from application.access import authorization
from application.access.actor import Actor
from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from application.ports.registry import RegistryTransaction
from devices.errors import Conflict, IdUnavailable, Invalid, NotFound
from devices.kind_catalog import KindCatalog
from devices.pii_filter import named_among

WRITE: Final = "devices:write"
"""For open kinds; see `Actor.require_of_kind`."""
_DEEPEST_VIA = 8


@dataclass(frozen=True, slots=True)
class NewAsset:
    """An asset to be; with `device_id` the device is bound to it at once."""

    kind: str
    name: str
    asset_id: str | None = None
    """Immutable, unique in the installation; made up when absent."""
    tenant_id: str | None = None
    device_id: str | None = None
    lat: float | None = None
    lon: float | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    via: str | None = None
    """Id of its parent in the network: what it hangs behind. That lets nobody speak for it."""


@dataclass(frozen=True, slots=True)
class AssetRegistrar:
    """Registers within one transaction, for one actor."""

    tx: RegistryTransaction
    actor: Actor
    catalog: KindCatalog
    now_us: int
    _owners: dict[str | None, str] = field(default_factory=dict)
    """Towns looked up, by what was wanted: a file names few of them in many lines."""

    def register(self, wanted: NewAsset, since_us: int | None = None) -> Asset:
        """Add the asset and bind its device. Raises Invalid, Conflict."""
        asset = self.asset(wanted)
        self.check(asset)
        self.tx.get(AssetRepository).add(asset)
        if wanted.device_id is not None:
            self.bind(asset, wanted.device_id, self.now_us if since_us is None else since_us)
        return asset

    def asset(self, wanted: NewAsset) -> Asset:
        """Return the asset as it will be. Raises Invalid for a kind or tenant that is not the caller's, Forbidden."""
        return Asset(
            asset_id=wanted.asset_id or f"{wanted.kind[:20]}-{uuid.uuid4().hex[:16]}",
            tenant_id=self.owner(wanted),
            kind=wanted.kind,
            name=wanted.name,
            created_us=self.now_us,
            lat=wanted.lat,
            lon=wanted.lon,
            attributes=dict(wanted.attributes),
            via=wanted.via,
        )

    def owner(self, wanted: NewAsset) -> str:
        """Return the tenant the asset will belong to.

        Raises Invalid for a kind or tenant that is not the caller's, Forbidden for a kind that he may only read.
        """
        if wanted.kind not in self.actor.kinds(self.catalog):
            raise Invalid("not_one_of", allowed=sorted(self.actor.kinds(self.catalog)), field="kind")
        self.actor.require_of_kind(WRITE, wanted.kind)
        if wanted.tenant_id not in self._owners:
            self._owners[wanted.tenant_id] = authorization.tenant_of_new(self.tx, self.actor, wanted.tenant_id)
        return self._owners[wanted.tenant_id]

    def bind(self, asset: Asset, device_id: str, from_us: int) -> DeviceBinding:
        """Bind a device that no other asset has. Raises Conflict, Invalid."""
        inventory = self.tx.get(AssetRepository)
        past = inventory.bindings_of_devices([device_id]).get(device_id, ())
        elsewhere = [b for b in past if b.asset_id != asset.asset_id]
        taken = any(b.until_us is None or b.until_us > from_us for b in elsewhere)
        waiting = self._waiting(device_id)
        # One answer for all: what has it may be another town's, or of a kind that the caller does not see.
        if taken or (waiting is not None and waiting != (asset.tenant_id, asset.kind)):
            raise IdUnavailable("device_id")
        if any(b.until_us is not None and b.until_us > from_us for b in past):
            raise Conflict("device_was_bound", field="from")
        running = [b for b in inventory.bindings_of_asset(asset.asset_id) if b.until_us is None]
        if any(b.from_us >= from_us for b in running):
            raise Invalid("before_running_binding", field="from")
        binding = DeviceBinding(asset.asset_id, device_id, asset.tenant_id, asset.kind, from_us)
        inventory.bind(binding)
        return binding

    def check(self, asset: Asset) -> None:
        """Raise Invalid for what an asset may not be: see `check_via` and `check_nameless`."""
        self.check_via(asset)
        self.check_nameless(asset.kind, asset.attributes)

    def check_nameless(self, kind: str, attributes: Mapping[str, Any]) -> None:
        """Raise Invalid when attributes name somebody's device, and the kind counts those only."""
        known = self.catalog.get(kind)
        named = named_among(attributes) if known is not None and known.names_nobody else None
        if named is not None:
            raise Invalid("names_somebodys_device", field=f"attributes.{named}")

    def check_via(self, asset: Asset) -> None:
        """Raise Invalid when `via` is not an asset of the same tenant or leads back to the asset."""
        inventory, via = self.tx.get(AssetRepository), asset.via
        for _ in range(_DEEPEST_VIA):
            if via is None:
                return
            parent = inventory.many([via]).get(via)
            if parent is None or parent.tenant_id != asset.tenant_id or not self.actor.may(f"{parent.kind}:read"):
                raise Invalid("no_asset_of_tenant", field="via")
            if parent.asset_id == asset.asset_id:
                raise Invalid("leads_back_to_itself", field="via")
            via = parent.via
        raise Invalid("too_deep", most=_DEEPEST_VIA, field="via")

    def _waiting(self, device_id: str) -> tuple[str, str] | None:
        try:
            unknown = self.tx.get(AssetRepository).get_unknown(device_id)
        except NotFound:
            return None
        return unknown.tenant_id, unknown.kind
