"""Which device spoke for which asset, and when."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from application.ports.inventory import DeviceBinding
from devices.errors import Conflict, IdUnavailable
from storage.registry.memberships import end_with_bindings
from storage.registry.row_statements import in_chunks
from storage.registry.tables import BINDINGS


class BindingTable:
    """Bindings of assets and devices; those of one asset, or of one device, never overlap."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, binding: DeviceBinding) -> None:
        """Bind; ends the running binding of both at `from_us`. The same pair running already stays as it is.

        Raises Conflict when a binding of either begins at or after `from_us`, or ended after it.
        """
        of_either = (BINDINGS.c.asset_id == binding.asset_id) | (BINDINGS.c.device_id == binding.device_id)
        rows = [_binding(row) for row in self._connection.execute(select(BINDINGS).where(of_either))]
        pair = (binding.asset_id, binding.device_id)
        if any((r.asset_id, r.device_id) == pair and r.until_us is None and _covers(r, binding) for r in rows):
            return
        for other in rows:
            if other.from_us >= binding.from_us or (other.until_us is not None and other.until_us > binding.from_us):
                if other.asset_id != binding.asset_id:
                    raise IdUnavailable("device_id")
                raise Conflict("other_device_bound", field="from")
        running = update(BINDINGS).where(of_either, BINDINGS.c.until_us.is_(None))
        self._connection.execute(running.values(until_us=binding.from_us))
        ended = {r.device_id for r in rows if r.until_us is None}
        end_with_bindings(self._connection, ended, binding.from_us)
        self.add_new([binding])

    def add_new(self, bindings: Sequence[DeviceBinding]) -> None:
        """Insert bindings of assets and devices that have none at that time."""
        if bindings:
            self._connection.execute(insert(BINDINGS), [_row(b) for b in bindings])

    def end(self, asset_id: str, at_us: int) -> None:
        """End the asset's running binding, if it has one."""
        ended = {binding.device_id for binding in self.running([asset_id]).values()}
        running = update(BINDINGS).where(BINDINGS.c.asset_id == asset_id, BINDINGS.c.until_us.is_(None))
        self._connection.execute(running.values(until_us=at_us))
        end_with_bindings(self._connection, ended, at_us)

    def of_devices(self, device_ids: Collection[str]) -> dict[str, tuple[DeviceBinding, ...]]:
        """All bindings of each known device, oldest first."""
        found: defaultdict[str, list[DeviceBinding]] = defaultdict(list)
        for some in in_chunks(device_ids):
            query = select(BINDINGS).where(BINDINGS.c.device_id.in_(some)).order_by(BINDINGS.c.from_us)
            for row in self._connection.execute(query):
                found[row.device_id].append(_binding(row))
        return {device_id: tuple(bindings) for device_id, bindings in found.items()}

    def of_asset(self, asset_id: str) -> tuple[DeviceBinding, ...]:
        """All bindings of an asset, oldest first."""
        query = select(BINDINGS).where(BINDINGS.c.asset_id == asset_id).order_by(BINDINGS.c.from_us)
        return tuple(map(_binding, self._connection.execute(query)))

    def running(self, asset_ids: Collection[str]) -> dict[str, DeviceBinding]:
        """The running binding of each asset that has one."""
        found: dict[str, DeviceBinding] = {}
        for some in in_chunks(asset_ids):
            running = select(BINDINGS).where(BINDINGS.c.asset_id.in_(some), BINDINGS.c.until_us.is_(None))
            found.update((row.asset_id, _binding(row)) for row in self._connection.execute(running))
        return found


def _covers(running: DeviceBinding, wanted: DeviceBinding) -> bool:
    return running.from_us <= wanted.from_us and wanted.until_us is None


def _row(binding: DeviceBinding) -> dict[str, Any]:
    return {
        "asset_id": binding.asset_id,
        "device_id": binding.device_id,
        "tenant_id": binding.tenant_id,
        "kind": binding.kind,
        "from_us": binding.from_us,
        "until_us": binding.until_us,
    }


def _binding(row: Row[Any]) -> DeviceBinding:
    return DeviceBinding(
        asset_id=row.asset_id,
        device_id=row.device_id,
        tenant_id=row.tenant_id,
        kind=row.kind,
        from_us=row.from_us,
        until_us=row.until_us,
    )
