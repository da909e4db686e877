"""Where each class of data stands in the registry, and how it is deleted by its age."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, Connection, delete, literal, select, tuple_

from application.ports.retention import DeletionRecord
from storage.registry.access_tables import SESSIONS
from storage.registry.notification_tables import DELIVERIES
from storage.registry.row_statements import in_chunks
from storage.registry.tables import ALARMS, COMMANDS, DEAD_LETTERS, REFUSALS


@dataclass(frozen=True, slots=True)
class DataClass:
    """Rows of one table. `ended`: when a record ended, NULL while it goes on."""

    begun: Column[int]
    """No later than `ended`, and indexed: it is found by this."""
    ended: Column[int]
    kind: str | Column[Any] | None
    """Of all its rows, or a column."""


CLASSES: Final[Mapping[str, DataClass]] = {
    "alarms": DataClass(ALARMS.c.raised_us, ALARMS.c.cleared_us, ALARMS.c.kind),
    "commands": DataClass(COMMANDS.c.issued_us, COMMANDS.c.final_us, COMMANDS.c.kind),
    "dead_letters": DataClass(DEAD_LETTERS.c.received_us, DEAD_LETTERS.c.received_us, DEAD_LETTERS.c.kind),
    "sessions": DataClass(SESSIONS.c.created_us, SESSIONS.c.last_used_us, None),
    "notifications": DataClass(DELIVERIES.c.created_us, DELIVERIES.c.final_us, DELIVERIES.c.kind),
    "refusals": DataClass(REFUSALS.c.last_us, REFUSALS.c.last_us, REFUSALS.c.kind),
}


class SqlRetentionRepository:
    """Retained; `classes` with those of kinds."""

    def __init__(self, connection: Connection, classes: Mapping[str, DataClass]) -> None:
        self._connection = connection
        self._classes = classes

    def classes(self) -> Collection[str]:
        """Names of the classes there are."""
        return self._classes.keys()

    def drop(self, data_class: str, before_us: int, now_us: int, limit: int) -> Sequence[DeletionRecord]:
        """Delete at most `limit` records that ended before an instant, oldest first; says what, per town and kind."""
        found = self._classes[data_class]
        table = found.ended.table
        key = list(table.primary_key)
        kind = found.kind if isinstance(found.kind, Column) else literal(found.kind)
        query = (
            select(*key, table.c.tenant_id.label("town"), kind.label("of_kind"), found.ended.label("ended"))
            .where(found.begun < before_us, found.ended < before_us)
            .order_by(found.begun)
            .limit(limit)
        )
        rows = self._connection.execute(query).all()
        for some in in_chunks(rows):
            self._connection.execute(delete(table).where(tuple_(*key).in_([tuple(row[: len(key)]) for row in some])))
        ends: defaultdict[tuple[str | None, str | None], list[int]] = defaultdict(list)
        for row in rows:
            ends[row.town, row.of_kind].append(row.ended)
        return [
            DeletionRecord(now_us, data_class, of_kind, town, min(instants), max(instants), len(instants))
            for (town, of_kind), instants in ends.items()
        ]
