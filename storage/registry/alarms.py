"""The alarm book."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update

from devices.alarms import Alarm
from devices.errors import NotFound
from devices.messages import Severity
from devices.ports.paging import Page
from storage.registry.paging import newest_first
from storage.registry.rows import chunks, insert_new
from storage.registry.tables import ALARMS, OPEN_ALARM


class SqlAlarms:
    """Alarms; of one asset, name and part at most one is open."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open_of(self, asset_ids: Collection[str]) -> Sequence[Alarm]:
        """Alarms of the given assets that are not cleared."""
        return [
            _alarm(row)
            for some in chunks(asset_ids)
            for row in self._connection.execute(select(ALARMS).where(OPEN_ALARM, ALARMS.c.asset_id.in_(some)))
        ]

    def add(self, alarms: Sequence[Alarm]) -> None:
        """Record newly raised alarms; what is open already, or has a known id, changes nothing."""
        insert_new(self._connection, ALARMS, [_row(alarm) for alarm in alarms])

    def clear(self, alarm_ids: Collection[str], at_us: int) -> None:
        """Mark as ended; what is cleared already stays as it is."""
        for some in chunks(alarm_ids):
            ended = update(ALARMS).where(OPEN_ALARM, ALARMS.c.alarm_id.in_(some)).values(cleared_us=at_us)
            self._connection.execute(ended)

    def get(self, alarm_id: str) -> Alarm:
        """Raises NotFound."""
        row = self._connection.execute(select(ALARMS).where(ALARMS.c.alarm_id == alarm_id)).one_or_none()
        if row is None:
            raise NotFound(alarm_id)
        return _alarm(row)

    def acknowledge(self, alarm_id: str, by: str, at_us: int, comment: str | None) -> Alarm:
        """Mark as seen by somebody; a second time replaces the first. Raises NotFound."""
        seen = {"acknowledged_by": by, "acknowledged_us": at_us, "comment": comment}
        self._connection.execute(update(ALARMS).where(ALARMS.c.alarm_id == alarm_id).values(seen))
        return self.get(alarm_id)

    def find(
        self,
        *,
        tenant_ids: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
        also: Collection[str] = (),
        asset_id: str | None = None,
        only_open: bool = False,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Alarm]:
        """Newest first; `also` names assets that pass although their kind does not."""
        query = select(ALARMS)
        if tenant_ids is not None:
            query = query.where(ALARMS.c.tenant_id.in_(tenant_ids))
        if kinds is not None:
            query = query.where(ALARMS.c.kind.in_(kinds) | ALARMS.c.asset_id.in_(also))
        if asset_id is not None:
            query = query.where(ALARMS.c.asset_id == asset_id)
        if only_open:
            query = query.where(OPEN_ALARM)
        order = (ALARMS.c.raised_us, ALARMS.c.alarm_id)
        rows, following = newest_first(self._connection, query, order, limit, cursor)
        return Page([_alarm(row) for row in rows], following)


def _row(alarm: Alarm) -> dict[str, Any]:
    return {
        "alarm_id": alarm.alarm_id,
        "asset_id": alarm.asset_id,
        "tenant_id": alarm.tenant_id,
        "kind": alarm.kind,
        "name": alarm.name,
        "part": alarm.part,
        "severity": alarm.severity.value,
        "since_us": alarm.since_us,
        "raised_us": alarm.raised_us,
        "cleared_us": alarm.cleared_us,
        "acknowledged_us": alarm.acknowledged_us,
        "acknowledged_by": alarm.acknowledged_by,
        "comment": alarm.comment,
        "details": alarm.details,
    }


def _alarm(row: Row[Any]) -> Alarm:
    return Alarm(
        alarm_id=row.alarm_id,
        asset_id=row.asset_id,
        tenant_id=row.tenant_id,
        kind=row.kind,
        name=row.name,
        part=row.part,
        severity=Severity(row.severity),
        since_us=row.since_us,
        raised_us=row.raised_us,
        cleared_us=row.cleared_us,
        acknowledged_us=row.acknowledged_us,
        acknowledged_by=row.acknowledged_by,
        comment=row.comment,
        details=row.details,
    )
