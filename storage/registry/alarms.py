"""The alarm book."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, select, update

from application.ports.paging import ResultPage
from devices.alarms import Alarm, AlarmNote
from devices.errors import NotFound
from devices.messages import EventSeverity
from storage.registry.paging import newest_first
from storage.registry.row_statements import in_chunks, insert_new
from storage.registry.tables import ALARMS, OPEN_ALARM

MOST_NOTES: Final = 100


class SqlAlarmRepository:
    """Alarms; of one asset, name and part at most one is open."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open_of(self, asset_ids: Collection[str]) -> Sequence[Alarm]:
        """Alarms of the given assets that are not cleared."""
        return [
            _alarm(row)
            for some in in_chunks(asset_ids)
            for row in self._connection.execute(select(ALARMS).where(OPEN_ALARM, ALARMS.c.asset_id.in_(some)))
        ]

    def add(self, alarms: Sequence[Alarm]) -> None:
        """Record newly raised alarms; what is open already, or has a known id, changes nothing."""
        insert_new(self._connection, ALARMS, [_row(alarm) for alarm in self._shelved_again(alarms)])

    def clear(self, alarm_ids: Collection[str], at_us: int) -> None:
        """Mark as ended; what is cleared already stays as it is."""
        for some in in_chunks(alarm_ids):
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
        self._change(alarm_id, {"acknowledged_by": by, "acknowledged_us": at_us, "comment": comment})
        return self.get(alarm_id)

    def shelve(self, alarm_id: str, until_us: int | None, note: AlarmNote) -> Alarm:
        """Put aside until an instant, or with None take back. Raises NotFound."""
        by = None if until_us is None else note.by
        self._change(alarm_id, {"shelved_until_us": until_us, "shelved_by": by})
        return self.note(alarm_id, note)

    def note(self, alarm_id: str, note: AlarmNote) -> Alarm:
        """Add what somebody says; of many the newest 100 stay. Raises NotFound."""
        notes = [*self.get(alarm_id).notes, note][-MOST_NOTES:]
        self._change(alarm_id, {"notes": notes})
        return self.get(alarm_id)

    def worst_of_open(
        self,
        now_us: int,
        *,
        tenant_ids: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
        also: Collection[str] = (),
    ) -> Mapping[str, tuple[EventSeverity, int]]:
        """Gravest severity and number of the open alarms not shelved, by asset."""
        query = select(ALARMS.c.asset_id, ALARMS.c.severity).where(OPEN_ALARM, ~_shelved(now_us))
        found: dict[str, tuple[EventSeverity, int]] = {}
        for asset_id, word in self._connection.execute(_of(query, tenant_ids, kinds, also)):
            severity = EventSeverity(word)
            worst, count = found.get(asset_id, (severity, 0))
            found[asset_id] = max(worst, severity, key=list(EventSeverity).index), count + 1
        return found

    def _shelved_again(self, alarms: Sequence[Alarm]) -> Iterator[Alarm]:
        """Alarms as they come, those put aside whose predecessor was put aside for longer than until now."""
        ids = {a.asset_id for a in alarms}
        since_us = min((a.raised_us for a in alarms), default=0)
        shelves = {
            (row.asset_id, row.name, row.part): row
            for some in in_chunks(ids)
            for row in self._connection.execute(select(ALARMS).where(_shelved(since_us), ALARMS.c.asset_id.in_(some)))
        }
        for alarm in alarms:
            row = shelves.get((alarm.asset_id, alarm.name, alarm.part))
            if row is not None and alarm.raised_us < row.shelved_until_us:
                yield replace(alarm, shelved_until_us=row.shelved_until_us, shelved_by=row.shelved_by)
            else:
                yield alarm

    def _change(self, alarm_id: str, values: dict[str, Any]) -> None:
        self._connection.execute(update(ALARMS).where(ALARMS.c.alarm_id == alarm_id).values(values))

    def find(
        self,
        *,
        tenant_ids: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
        also: Collection[str] = (),
        asset_id: str | None = None,
        only_open: bool = False,
        shelved: bool | None = None,
        now_us: int = 0,
        limit: int = 100,
        cursor: str | None = None,
    ) -> ResultPage[Alarm]:
        """Newest first; `also` names assets that pass although their kind does not."""
        query = _of(select(ALARMS), tenant_ids, kinds, also)
        if asset_id is not None:
            query = query.where(ALARMS.c.asset_id == asset_id)
        if only_open:
            query = query.where(OPEN_ALARM)
        if shelved is not None:
            query = query.where(_shelved(now_us) if shelved else ~_shelved(now_us))
        order = (ALARMS.c.raised_us, ALARMS.c.alarm_id)
        rows, following = newest_first(self._connection, query, order, limit, cursor)
        return ResultPage([_alarm(row) for row in rows], following)


def _of(
    query: Select[Any],
    tenant_ids: Collection[str] | None,
    kinds: Collection[str] | None,
    also: Collection[str],
) -> Select[Any]:
    if tenant_ids is not None:
        query = query.where(ALARMS.c.tenant_id.in_(tenant_ids))
    if kinds is not None:
        query = query.where(ALARMS.c.kind.in_(kinds) | ALARMS.c.asset_id.in_(also))
    return query


def _shelved(now_us: int) -> ColumnElement[bool]:
    return ALARMS.c.shelved_until_us.is_not(None) & (ALARMS.c.shelved_until_us > now_us)


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
        "shelved_until_us": alarm.shelved_until_us,
        "shelved_by": alarm.shelved_by,
        "notes": alarm.notes,
    }


def _alarm(row: Row[Any]) -> Alarm:
    return Alarm(
        alarm_id=row.alarm_id,
        asset_id=row.asset_id,
        tenant_id=row.tenant_id,
        kind=row.kind,
        name=row.name,
        part=row.part,
        severity=EventSeverity(row.severity),
        since_us=row.since_us,
        raised_us=row.raised_us,
        cleared_us=row.cleared_us,
        acknowledged_us=row.acknowledged_us,
        acknowledged_by=row.acknowledged_by,
        comment=row.comment,
        details=row.details,
        shelved_until_us=row.shelved_until_us,
        shelved_by=row.shelved_by,
        notes=tuple(AlarmNote(*note) for note in row.notes),
    )
