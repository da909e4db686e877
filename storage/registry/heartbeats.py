"""Last words of the parts."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from application.ports.heartbeats import Heartbeat
from storage.registry.row_statements import upsert_rows
from storage.registry.tables import HEARTBEATS


class SqlHeartbeatRepository:
    """Heartbeats."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, beats: Sequence[Heartbeat]) -> None:
        """Insert or replace by part."""
        rows = [
            {
                "part": beat.part,
                "at_us": beat.at_us,
                "ok": beat.ok,
                "last_success_us": beat.last_success_us,
                "detail": beat.detail,
            }
            for beat in sorted(beats, key=lambda beat: beat.part)
        ]
        upsert_rows(self._connection, HEARTBEATS, rows)

    def all(self) -> Sequence[Heartbeat]:
        """In order of part."""
        return [
            Heartbeat(part=row.part, at_us=row.at_us, ok=row.ok, last_success_us=row.last_success_us, detail=row.detail)
            for row in self._connection.execute(select(HEARTBEATS).order_by(HEARTBEATS.c.part))
        ]
