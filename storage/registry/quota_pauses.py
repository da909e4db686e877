"""Pauses of logins."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Column, Connection, Index, Integer, Row, Table, Text, delete, select

from application.ports.quota_pauses import QuotaPause
from devices.time_us import DAY_US
from storage.registry.cache_revisions import raise_revision, read_revision
from storage.registry.metadata import METADATA, Instant
from storage.registry.row_statements import in_chunks, upsert_rows

SUBJECT: Final = "login_pauses"
KEPT_US: Final = 30 * DAY_US
PAUSES: Final = Table(
    "login_pauses",
    METADATA,
    Column("login", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("device_id", Text, nullable=False),
    Column("since_us", Instant, nullable=False),
    Column("until_us", Instant, nullable=False),
    Column("times", Integer, nullable=False),
    Column("messages", Instant, nullable=False),
    Column("size", Instant, nullable=False),
    Index(None, "until_us"),
)


class SqlQuotaPauses:
    """QuotaPauses."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, pauses: Sequence[QuotaPause]) -> None:
        """Insert or replace by login; drops what is long over."""
        if not pauses:
            return
        upsert_rows(self._connection, PAUSES, [_row(pause) for pause in pauses])
        over = min(pause.since_us for pause in pauses) - KEPT_US
        self._connection.execute(delete(PAUSES).where(PAUSES.c.until_us < over))
        raise_revision(self._connection, SUBJECT)

    def of_users(self, users: Collection[str]) -> Mapping[str, QuotaPause]:
        """The newest pause of each that had one, also where it is over."""
        return {
            row.login: _pause(row)
            for some in in_chunks(users)
            for row in self._connection.execute(select(PAUSES).where(PAUSES.c.login.in_(some)))
        }

    def since(self, from_us: int) -> Sequence[QuotaPause]:
        """Pauses that end after an instant, in order of login."""
        query = select(PAUSES).where(PAUSES.c.until_us > from_us).order_by(PAUSES.c.login)
        return [_pause(row) for row in self._connection.execute(query)]

    def revision(self) -> int:
        """Number that rises with every pause; brokers follow it."""
        return read_revision(self._connection, SUBJECT)


def _row(pause: QuotaPause) -> dict[str, Any]:
    return {
        "login": pause.user,
        "tenant_id": pause.tenant_id,
        "kind": pause.kind,
        "device_id": pause.device_id,
        "since_us": pause.since_us,
        "until_us": pause.until_us,
        "times": pause.times,
        "messages": pause.messages,
        "size": pause.size,
    }


def _pause(row: Row[Any]) -> QuotaPause:
    return QuotaPause(
        tenant_id=row.tenant_id,
        kind=row.kind,
        device_id=row.device_id,
        since_us=row.since_us,
        until_us=row.until_us,
        times=row.times,
        messages=row.messages,
        size=row.size,
    )
