"""Assets registered, changed, retired and given other devices by whoever may; on record in the same transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from application.access import authorization
from application.access.actor import Actor
from application.audit.audit_trail import object_name, record_action
from application.device_credentials import revoke_if_any, user_of
from application.inventory.asset_registrar import WRITE, AssetRegistrar, NewAsset
from application.inventory.asset_retirement import retire_asset
from application.lending import Lent, asset_ownerships
from application.ports.credentials import CredentialRepository
from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from application.ports.registry import RegistryTransaction
from application.versions import check_version
from devices.errors import Invalid, NotFound
from devices.kind_catalog import KindCatalog
from devices.time_us import rfc3339


@dataclass(frozen=True, slots=True)
class AssetEditor:
    """Works for one actor in one transaction; raises NotFound for what is not his, Forbidden for what he only reads."""

    tx: RegistryTransaction
    actor: Actor
    catalog: KindCatalog
    now_us: int

    def register(self, wanted: NewAsset) -> Asset:
        """Add an asset. Raises Invalid, Conflict."""
        asset = self._registrar().register(wanted)
        self._record("device.register", asset, {"name": asset.name, "device_id": wanted.device_id})
        return asset

    def change(self, asset_id: str, given: Mapping[str, Any], seen: int | None) -> Asset:
        """Replace the given fields, unless the asset is newer than `seen`. Raises VersionMismatch, Invalid."""
        asset = self._own(asset_id)
        check_version(seen, asset.version)
        wanted = replace(
            asset,
            name=given.get("name", asset.name),
            lat=given.get("lat", asset.lat),
            lon=given.get("lon", asset.lon),
            attributes=given.get("attributes", asset.attributes),
            via=given.get("via", asset.via),
        )
        self._registrar().check(wanted)
        changed = self.tx.get(AssetRepository).change(wanted)
        self._record("device.change", asset, given)
        return changed

    def retire(self, asset_id: str) -> None:
        """Let it no longer be listed or commanded; a retired one stays so. Raises Lent."""
        asset = self._own(asset_id)
        if asset.retired_us is None:
            if asset_ownerships(self.tx, [asset])[asset_id].loan_at(self.now_us):
                raise Lent
            retire_asset(self.tx, asset, self.now_us)
        self._record("device.retire", asset)

    def replace_device(self, asset_id: str, device_id: str, from_us: int | None) -> DeviceBinding:
        """Bind a new device, now or from an earlier time on; the login of the one before it ends. Raises Conflict."""
        since_us = self.now_us if from_us is None else from_us
        if since_us > self.now_us:
            raise Invalid("in_the_future", field="from")
        asset = self._own(asset_id)
        if asset.retired_us is not None:
            raise NotFound
        before = self.tx.get(AssetRepository).current_devices([asset_id]).get(asset_id)
        bound = self._registrar().bind(asset, device_id, since_us)
        if before not in {None, device_id}:
            user = user_of(asset.tenant_id, asset.kind, str(before))
            revoke_if_any(self.tx.get(CredentialRepository), user, self.now_us)
        self._record("device.replace", asset, {"device_id": device_id, "from": rfc3339(since_us)})
        return bound

    def _own(self, asset_id: str) -> Asset:
        asset = authorization.own_asset(self.tx, self.actor, asset_id)
        self.actor.require_of_kind(WRITE, asset.kind)
        return asset

    def _registrar(self) -> AssetRegistrar:
        return AssetRegistrar(self.tx, self.actor, self.catalog, self.now_us)

    def _record(self, action: str, asset: Asset, detail: Mapping[str, Any] | None = None) -> None:
        thing = object_name(asset.kind, asset.asset_id)
        record_action(self.tx, self.actor, action, thing, detail=detail, tenant_id=asset.tenant_id)
