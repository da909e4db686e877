"""The tail of changes that live pages follow."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, text

from application.ports.changes import Change
from storage.registry.tables import CHANGES

LOCK_ID: Final = 0x6C61_7574_6572_6E01
CHANNEL: Final = "lautern_changes"
"""PostgreSQL notifies listeners of it when a transaction with changes commits."""


class SqlChangeFeed:
    """Changes; ids become visible in their order, so a reader that remembers the last one misses none."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, changes: Sequence[Change]) -> None:
        """Append; ids are given by the table. On PostgreSQL the next writer waits until this transaction ends."""
        if not changes:
            return
        postgres = self._connection.dialect.name == "postgresql"
        if postgres:
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": LOCK_ID})
        self._connection.execute(
            insert(CHANGES),
            [
                {
                    "at_us": change.at_us,
                    "tenant_id": change.tenant_id,
                    "kind": change.kind,
                    "topic": change.topic,
                    "data": change.data,
                }
                for change in changes
            ],
        )
        if postgres:
            self._connection.execute(text(f"NOTIFY {CHANNEL}"))

    def after(self, change_id: int, limit: int = 500) -> Sequence[Change]:
        """Changes newer than the id, oldest first."""
        query = select(CHANGES).where(CHANGES.c.change_id > change_id).order_by(CHANGES.c.change_id).limit(limit)
        return [Change(*row) for row in self._connection.execute(query)]

    def newest(self) -> int:
        """Id of the newest change; 0 when there is none."""
        return self._connection.execute(select(func.max(CHANGES.c.change_id))).scalar_one() or 0

    def oldest(self) -> int:
        """Id of the oldest change still kept; 0 when there is none."""
        return self._connection.execute(select(func.min(CHANGES.c.change_id))).scalar_one() or 0

    def trim(self, keep: int = 50_000) -> None:
        """Drop all but the newest."""
        last = select(CHANGES.c.change_id).order_by(CHANGES.c.change_id.desc()).offset(keep).limit(1).scalar_subquery()
        self._connection.execute(delete(CHANGES).where(CHANGES.c.change_id <= last))
