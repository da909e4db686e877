"""Devices nobody registered."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, select

from application.ports.inventory import UnknownDevice
from application.ports.paging import ResultPage
from devices.errors import NotFound
from storage.registry.bulk_upserts import BulkUpsert
from storage.registry.metadata import dump_json
from storage.registry.paging import in_order
from storage.registry.row_statements import in_chunks
from storage.registry.tables import UNKNOWN_DEVICES as UNKNOWN

MOST: Final = 10_000
COLUMNS: Final = ("device_id", "tenant_id", "kind", "first_seen_us", "last_seen_us", "messages", "info")
PUT: Final = BulkUpsert(UNKNOWN, COLUMNS)


class SqlUnknownDevices:
    """The waiting list of Inventory."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def note_unknown(self, seen: Sequence[UnknownDevice]) -> None:
        """Count messages of unbound devices; keeps at most 10,000, the oldest leave first."""
        known = self._known({device.device_id for device in seen})
        for device in seen:
            known[device.device_id] = _merged(known.get(device.device_id), device)
        PUT.run(self._connection, [_values(device) for device in known.values()])
        if self._connection.execute(select(func.count()).select_from(UNKNOWN)).scalar_one() > MOST:
            oldest = select(UNKNOWN.c.device_id).order_by(UNKNOWN.c.last_seen_us.desc(), UNKNOWN.c.device_id)
            # SQLite wants a limit beside each offset.
            surplus = oldest.limit(2**31).offset(MOST)
            self._connection.execute(delete(UNKNOWN).where(UNKNOWN.c.device_id.in_(surplus)))

    def unknown(
        self,
        limit: int = 100,
        cursor: str | None = None,
        *,
        tenant_ids: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
    ) -> ResultPage[UnknownDevice]:
        """Devices waiting for approval, in order of id."""
        query = select(UNKNOWN)
        if tenant_ids is not None:
            query = query.where(UNKNOWN.c.tenant_id.in_(tenant_ids))
        if kinds is not None:
            query = query.where(UNKNOWN.c.kind.in_(kinds))
        rows, following = in_order(self._connection, query, UNKNOWN.c.device_id, limit, cursor)
        return ResultPage([_device(row) for row in rows], following)

    def get_unknown(self, device_id: str) -> UnknownDevice:
        """Raises NotFound."""
        row = self._connection.execute(select(UNKNOWN).where(UNKNOWN.c.device_id == device_id)).one_or_none()
        if row is None:
            raise NotFound(device_id)
        return _device(row)

    def forget_unknown(self, *device_ids: str) -> None:
        """Drop from the waiting list; it comes back when it speaks again."""
        for some in in_chunks(device_ids):
            self._connection.execute(delete(UNKNOWN).where(UNKNOWN.c.device_id.in_(some)))

    def _known(self, device_ids: Collection[str]) -> dict[str, UnknownDevice]:
        return {
            row.device_id: _device(row)
            for some in in_chunks(device_ids)
            for row in self._connection.execute(select(UNKNOWN).where(UNKNOWN.c.device_id.in_(some)))
        }


def _merged(before: UnknownDevice | None, seen: UnknownDevice) -> UnknownDevice:
    if before is None:
        return seen
    return UnknownDevice(
        device_id=seen.device_id,
        tenant_id=seen.tenant_id,
        kind=seen.kind,
        first_seen_us=min(before.first_seen_us, seen.first_seen_us),
        last_seen_us=max(before.last_seen_us, seen.last_seen_us),
        messages=before.messages + seen.messages,
        info=before.info if seen.info is None else seen.info,
    )


def _values(device: UnknownDevice) -> tuple[Any, ...]:
    info: Mapping[str, Any] | None = device.info
    return (
        device.device_id,
        device.tenant_id,
        device.kind,
        device.first_seen_us,
        device.last_seen_us,
        device.messages,
        None if info is None else dump_json(info),
    )


def _device(row: Row[Any]) -> UnknownDevice:
    return UnknownDevice(
        device_id=row.device_id,
        tenant_id=row.tenant_id,
        kind=row.kind,
        first_seen_us=row.first_seen_us,
        last_seen_us=row.last_seen_us,
        messages=row.messages,
        info=row.info,
    )
