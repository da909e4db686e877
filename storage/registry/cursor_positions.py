"""How far the cursors have walked."""

from typing import Final

from sqlalchemy import Connection, select

from storage.registry.bulk_upserts import BulkUpsert
from storage.registry.tables import POSITIONS

SET: Final = BulkUpsert(POSITIONS, ("cursor_name", "batch_id"))


class SqlCursorPositions:
    """Positions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, cursor: str) -> int:
        """Last batch done; 0 at first."""
        query = select(POSITIONS.c.batch_id).where(POSITIONS.c.cursor_name == cursor)
        return self._connection.execute(query).scalar_one_or_none() or 0

    def set(self, cursor: str, batch_id: int) -> None:
        """Advance, in the transaction of the batch's effects."""
        SET.run(self._connection, [(cursor, batch_id)])
