"""Assets; what concerns bindings and unknown devices is handed on."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, func, select, update

from application.ports.inventory import Asset, AssetFilter, DeviceBinding
from application.ports.paging import ResultPage
from devices.errors import IdUnavailable, NotFound, VersionMismatch
from storage.registry.bindings import BindingTable
from storage.registry.cache_revisions import inventory_revision, raise_inventory_revision
from storage.registry.configs import SqlDesiredConfigs
from storage.registry.paging import in_order
from storage.registry.row_statements import in_chunks, insert_new
from storage.registry.tables import ASSETS, BINDINGS, GROUP_MEMBERS, LATEST
from storage.registry.unknown_devices import SqlUnknownDevices

KEPT = ("asset_id", "tenant_id", "kind", "created_us")


class SqlAssetRepository(SqlUnknownDevices):
    """Inventory."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._bindings = BindingTable(connection)

    def add(self, asset: Asset) -> None:
        """Register, as version 1. Raises Conflict when the id exists."""
        if not insert_new(self._connection, ASSETS, [_row(asset) | {"version": 1}]):
            raise IdUnavailable("id")
        raise_inventory_revision(self._connection)

    def add_many(self, assets: Sequence[Asset], bindings: Sequence[DeviceBinding]) -> None:
        """Register many at once and bind devices that never were bound. Raises Conflict when one of either exists."""
        rows = [_row(asset) | {"version": 1} for asset in assets]
        if sum(insert_new(self._connection, ASSETS, some) for some in in_chunks(rows)) < len(rows):
            raise IdUnavailable("id")
        if self._bindings.of_devices([b.device_id for b in bindings]):
            raise IdUnavailable("device_id")
        self._bindings.add_new(bindings)
        self.forget_unknown(*(b.device_id for b in bindings))
        raise_inventory_revision(self._connection)

    def change(self, asset: Asset) -> Asset:
        """Replace name, position, attributes, via, retired; Raises NotFound, VersionMismatch."""
        read = (ASSETS.c.asset_id == asset.asset_id) & (ASSETS.c.version == asset.version)
        changed = {name: value for name, value in _row(asset).items() if name not in KEPT}
        new = changed | {"version": asset.version + 1}
        if not self._connection.execute(update(ASSETS).where(read).values(new)).rowcount:
            raise VersionMismatch("has_version", name=asset.asset_id, version=self.get(asset.asset_id).version)
        if asset.retired_us is not None:
            self._bindings.end(asset.asset_id, asset.retired_us)
        raise_inventory_revision(self._connection)
        return self.get(asset.asset_id)

    def get(self, asset_id: str) -> Asset:
        """Raises NotFound."""
        row = self._connection.execute(select(ASSETS).where(ASSETS.c.asset_id == asset_id)).one_or_none()
        if row is None:
            raise NotFound(asset_id)
        return _asset(row)

    def find(self, which: AssetFilter, limit: int = 100, cursor: str | None = None) -> ResultPage[Asset]:
        """Assets in order of id."""
        rows, following = in_order(self._connection, _filtered(which), ASSETS.c.asset_id, limit, cursor)
        return ResultPage([_asset(row) for row in rows], following)

    def count_by_tenant(self, kinds: Collection[str], tenant_ids: Collection[str] | None) -> dict[str, int]:
        """How many assets of the kinds, not retired, each of the tenants (None: all) has."""
        query = select(ASSETS.c.tenant_id, func.count()).where(ASSETS.c.kind.in_(kinds), ASSETS.c.retired_us.is_(None))
        if tenant_ids is not None:
            query = query.where(ASSETS.c.tenant_id.in_(tenant_ids))
        return {row[0]: row[1] for row in self._connection.execute(query.group_by(ASSETS.c.tenant_id))}

    def many(self, asset_ids: Collection[str]) -> dict[str, Asset]:
        """Known assets among the given."""
        return {
            row.asset_id: _asset(row)
            for some in in_chunks(asset_ids)
            for row in self._connection.execute(select(ASSETS).where(ASSETS.c.asset_id.in_(some)))
        }

    def bind(self, binding: DeviceBinding) -> None:
        """Bind from `from_us` on. Raises NotFound, Conflict when a binding of either begins or ends later."""
        self.get(binding.asset_id)
        self._bindings.add(binding)
        SqlDesiredConfigs(self._connection).mark_unpublished(binding.asset_id)
        self.forget_unknown(binding.device_id)
        raise_inventory_revision(self._connection)

    def bindings_of_devices(self, device_ids: Collection[str]) -> dict[str, tuple[DeviceBinding, ...]]:
        """All bindings of each known device, oldest first."""
        return self._bindings.of_devices(device_ids)

    def bindings_of_asset(self, asset_id: str) -> tuple[DeviceBinding, ...]:
        """All bindings of an asset, oldest first."""
        return self._bindings.of_asset(asset_id)

    def current_bindings(self, asset_ids: Collection[str]) -> dict[str, DeviceBinding]:
        """The running binding of each asset that has one."""
        return self._bindings.running(asset_ids)

    def current_devices(self, asset_ids: Collection[str]) -> dict[str, str]:
        """Device id now bound to each asset that has one."""
        return {asset_id: binding.device_id for asset_id, binding in self._bindings.running(asset_ids).items()}

    def revision(self) -> int:
        """Number that rises with every change of assets, bindings or groups; caches compare it."""
        return inventory_revision(self._connection)


def _filtered(which: AssetFilter) -> Select[Any]:
    query = select(ASSETS)
    if which.kinds is not None:
        query = query.where(ASSETS.c.kind.in_(which.kinds) | ASSETS.c.asset_id.in_(which.also))
    if which.tenant_ids is not None:
        theirs = ASSETS.c.tenant_id.in_(which.tenant_ids)
        query = query.where(theirs | ASSETS.c.asset_id.in_(which.borrowed) if which.borrowed else theirs)
    if not which.include_retired:
        query = query.where(ASSETS.c.retired_us.is_(None))
    if which.group_id is not None:
        members = select(GROUP_MEMBERS.c.asset_id).where(GROUP_MEMBERS.c.group_id == which.group_id)
        query = query.where(ASSETS.c.asset_id.in_(members))
    if which.status is not None:
        query = _with_status(query, which.status, which.tenant_ids)
    if which.text:
        query = _with_text(query, which.text)
    return query


def _with_status(query: Select[Any], status: str, tenant_ids: Collection[str] | None) -> Select[Any]:
    """What it said counts for the towns whose it is now: of what they have lent they know no status."""
    said = (LATEST.c.asset_id == ASSETS.c.asset_id) & (LATEST.c.channel == "status") & LATEST.c.status.is_not(None)
    if tenant_ids is not None:
        said &= LATEST.c.tenant_id.in_(tenant_ids)
    if status == "unknown":
        return query.where(~exists().where(said))
    return query.where(exists().where(said, LATEST.c.status == status))


def _with_text(query: Select[Any], text: str) -> Select[Any]:
    own = ASSETS.c.search_text.contains(text.casefold(), autoescape=True)
    running = (BINDINGS.c.asset_id == ASSETS.c.asset_id) & BINDINGS.c.until_us.is_(None)
    return query.where(own | exists().where(running, BINDINGS.c.device_id.icontains(text, autoescape=True)))


def _row(asset: Asset) -> dict[str, Any]:
    return {
        "asset_id": asset.asset_id,
        "tenant_id": asset.tenant_id,
        "kind": asset.kind,
        "name": asset.name,
        "created_us": asset.created_us,
        "lat": asset.lat,
        "lon": asset.lon,
        "attributes": asset.attributes,
        "via": asset.via,
        "retired_us": asset.retired_us,
        "version": asset.version,
        "search_text": f"{asset.asset_id}\n{asset.name}".casefold(),
    }


def _asset(row: Row[Any]) -> Asset:
    return Asset(
        asset_id=row.asset_id,
        tenant_id=row.tenant_id,
        kind=row.kind,
        name=row.name,
        created_us=row.created_us,
        lat=row.lat,
        lon=row.lon,
        attributes=row.attributes,
        via=row.via,
        retired_us=row.retired_us,
        version=row.version,
    )
