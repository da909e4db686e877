"""The deletion log."""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import Connection, insert, or_, select

from application.ports.paging import ResultPage
from application.ports.retention import DeletionRecord
from devices.errors import Invalid
from storage.registry.privacy_tables import DELETIONS

_LONGEST_CURSOR: Final = 18


class SqlDeletionLog:
    """Deletions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, deletions: Sequence[DeletionRecord]) -> None:
        """Append, in the transaction that deletes."""
        rows = [
            {
                "at_us": d.at_us,
                "data_class": d.data_class,
                "kind": d.kind,
                "tenant_id": d.tenant_id,
                "from_us": d.from_us,
                "to_us": d.to_us,
                "count": d.count,
            }
            for d in deletions
        ]
        if rows:
            self._connection.execute(insert(DELETIONS), rows)

    def find(
        self,
        tenant_ids: Collection[str] | None,
        kinds: Collection[str],
        limit: int = 100,
        cursor: str | None = None,
    ) -> ResultPage[DeletionRecord]:
        """Newest first, of these towns (None: all) and kinds, and of no kind."""
        query = select(DELETIONS).where(or_(DELETIONS.c.kind.is_(None), DELETIONS.c.kind.in_(kinds)))
        if tenant_ids is not None:
            query = query.where(DELETIONS.c.tenant_id.in_(tenant_ids))
        if cursor is not None:
            if not cursor.isascii() or not cursor.isdigit() or len(cursor) > _LONGEST_CURSOR:
                raise Invalid("no_cursor_of_list", field="cursor")
            query = query.where(DELETIONS.c.deletion_id < int(cursor))
        rows = list(self._connection.execute(query.order_by(DELETIONS.c.deletion_id.desc()).limit(limit + 1)))
        following = str(rows[limit - 1].deletion_id) if len(rows) > limit else None
        found = [
            DeletionRecord(
                row.at_us,
                row.data_class,
                row.kind,
                row.tenant_id,
                row.from_us,
                row.to_us,
                row._mapping["count"],  # noqa: SLF001
            )
            for row in rows[:limit]
        ]
        return ResultPage(found, following)
