"""What the gateway knows of alarms and has told of them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Row, delete, func, select

from application.notifications.rule_evaluation import AlarmSnapshot, GroupPlace, NotifiedAlarm, RuleMemory
from devices.messages import EventSeverity
from storage.registry.notification_tables import PACE, RULES, TOLD
from storage.registry.row_statements import in_chunks, upsert_rows
from storage.registry.tables import ALARMS, ASSETS, GROUP_MEMBERS, GROUPS, OPEN_ALARM

_COLUMNS = (
    ALARMS.c.alarm_id,
    ALARMS.c.tenant_id,
    ALARMS.c.kind,
    ALARMS.c.asset_id,
    func.coalesce(ASSETS.c.name, ALARMS.c.asset_id).label("device"),
    ALARMS.c.name,
    ALARMS.c.part,
    ALARMS.c.severity,
    ALARMS.c.since_us,
    ALARMS.c.raised_us,
    ALARMS.c.cleared_us,
    ALARMS.c.acknowledged_us,
    ALARMS.c.shelved_until_us,
)


class SqlNotificationMemory:
    """NotificationMemory."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def mark(self) -> tuple[int, int]:
        """A pair that differs whenever an alarm began or ended: both are told by how many are open, and the newest."""
        query = select(func.count(), func.max(ALARMS.c.raised_us)).select_from(ALARMS).where(OPEN_ALARM)
        number, newest_us = self._connection.execute(query).one()
        return number, newest_us or 0

    def seen(self, tenant_ids: Collection[str], alarm_ids: Collection[str], now_us: int) -> Sequence[AlarmSnapshot]:
        """Open alarms of these tenants, and these alarms as far as they exist; `restricted` is left false."""
        rows = {row.alarm_id: row for row in self._rows(OPEN_ALARM & ALARMS.c.tenant_id.in_(tenant_ids))}
        for some in in_chunks([i for i in alarm_ids if i not in rows]):
            rows |= {row.alarm_id: row for row in self._rows(ALARMS.c.alarm_id.in_(some))}
        places = self._places({row.asset_id for row in rows.values()})
        return [_seen(row, places.get(row.asset_id, ()), now_us) for row in rows.values()]

    def recall(self, rule_ids: Collection[str]) -> Mapping[str, RuleMemory]:
        """What rules remember; those that remember nothing are left out."""
        told: dict[str, dict[str, NotifiedAlarm]] = {}
        for row in self._connection.execute(select(TOLD).where(TOLD.c.rule_id.in_(rule_ids))):
            told.setdefault(row.rule_id, {})[row.alarm_id] = NotifiedAlarm(row.first_us, row.last_us, row.steps)
        pace = {row.rule_id: row for row in self._connection.execute(select(PACE).where(PACE.c.rule_id.in_(rule_ids)))}
        return {
            rule_id: RuleMemory(
                told.get(rule_id, {}),
                tuple(pace[rule_id].new_us) if rule_id in pace else (),
                tuple(pace[rule_id].resolved_us) if rule_id in pace else (),
            )
            for rule_id in told.keys() | pace.keys()
        }

    def remember(self, rule_id: str, before: RuleMemory, after: RuleMemory) -> None:
        """Bring what is kept from one state to another; nothing where the rule was removed meanwhile."""
        tenant_id = self._connection.execute(select(RULES.c.tenant_id).where(RULES.c.rule_id == rule_id)).scalar()
        if tenant_id is None:
            return
        gone = before.told.keys() - after.told.keys()
        for some in in_chunks(gone):
            self._connection.execute(delete(TOLD).where(TOLD.c.rule_id == rule_id, TOLD.c.alarm_id.in_(some)))
        own = {"rule_id": rule_id, "tenant_id": tenant_id}
        rows = [
            {**own, "alarm_id": alarm_id, **told._asdict()}
            for alarm_id, told in after.told.items()
            if before.told.get(alarm_id) != told
        ]
        upsert_rows(self._connection, TOLD, rows)
        if (before.new_us, before.resolved_us) != (after.new_us, after.resolved_us):
            upsert_rows(self._connection, PACE, [{**own, "new_us": after.new_us, "resolved_us": after.resolved_us}])

    def _rows(self, which: ColumnElement[bool]) -> Iterator[Row[Any]]:
        joined = ALARMS.outerjoin(ASSETS, ASSETS.c.asset_id == ALARMS.c.asset_id)
        yield from cast(
            "Iterator[Row[Any]]", self._connection.execute(select(*_COLUMNS).select_from(joined).where(which))
        )

    def _places(self, asset_ids: Collection[str]) -> Mapping[str, tuple[GroupPlace, ...]]:
        found: dict[str, tuple[GroupPlace, ...]] = {}
        joined = GROUP_MEMBERS.join(GROUPS, GROUPS.c.group_id == GROUP_MEMBERS.c.group_id)
        for some in in_chunks(asset_ids):
            query = select(GROUP_MEMBERS.c.asset_id, GROUPS.c.group_id, GROUPS.c.name).select_from(joined)
            for row in self._connection.execute(query.where(GROUP_MEMBERS.c.asset_id.in_(some))):
                found[row.asset_id] = (*found.get(row.asset_id, ()), GroupPlace(row.group_id, row.name))
        return found


def _seen(row: Row[Any], places: tuple[GroupPlace, ...], now_us: int) -> AlarmSnapshot:
    return AlarmSnapshot(
        alarm_id=row.alarm_id,
        tenant_id=row.tenant_id,
        kind=row.kind,
        asset_id=row.asset_id,
        device=row.device,
        name=row.name,
        part=row.part,
        severity=EventSeverity(row.severity),
        since_us=row.since_us,
        raised_us=row.raised_us,
        cleared_us=row.cleared_us,
        quiet=row.acknowledged_us is not None or (row.shelved_until_us or 0) > now_us,
        places=places,
    )
