"""The audit log."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, insert, or_, select, text
from sqlalchemy.exc import DBAPIError

from application.audit.entry import AuditEntry, AuditEvent, AuditSeal
from application.audit.signer import AuditSigner
from application.ports.audit import EVERY, AuditFilter
from application.ports.paging import ResultPage
from devices.errors import AuditUnavailable, Invalid
from storage.registry.tables import AUDIT

LOCK_ID: Final = 0x6C61_7574_6572_6E02
_LONGEST_CURSOR: Final = 18


class SqlAuditLog:
    """Audit; there is no way to change or delete an entry, and triggers refuse those who try another way."""

    def __init__(self, connection: Connection, signer: AuditSigner | None = None) -> None:
        self._connection = connection
        self._signer = signer

    def append(self, deed: AuditEvent) -> AuditEntry:
        """Seal and keep a deed. On PostgreSQL the next who appends waits until this transaction ends, at most 5 s."""
        if self._signer is None:
            raise AuditUnavailable("this process has no key for it")
        if self._connection.dialect.name == "postgresql":
            # Who waits too long finds the registry busy, as on SQLite; the log is sound.
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": LOCK_ID})
        try:
            entry = self._signer.seal(self.head(), deed)
            self._connection.execute(insert(AUDIT), [_row(entry)])
        except DBAPIError as error:
            raise AuditUnavailable(str(error.orig).partition("\n")[0]) from error
        return entry

    def find(self, which: AuditFilter, limit: int = 100, cursor: str | None = None) -> ResultPage[AuditEntry]:
        """Newest first."""
        query = select(AUDIT).where(*_conditions(which))
        if cursor is not None:
            query = query.where(AUDIT.c.seq < _decoded(cursor))
        rows = list(self._connection.execute(query.order_by(AUDIT.c.seq.desc()).limit(limit + 1)))
        following = str(rows[limit - 1].seq) if len(rows) > limit else None
        return ResultPage([_entry(row) for row in rows[:limit]], following)

    def after(self, seq: int, limit: int = 1000, which: AuditFilter = EVERY) -> Sequence[AuditEntry]:
        """Oldest first."""
        query = select(AUDIT).where(AUDIT.c.seq > seq, *_conditions(which)).order_by(AUDIT.c.seq).limit(limit)
        return [_entry(row) for row in self._connection.execute(query)]

    def head(self) -> AuditEntry | None:
        """The newest entry."""
        row = self._connection.execute(select(AUDIT).order_by(AUDIT.c.seq.desc()).limit(1)).one_or_none()
        return None if row is None else _entry(row)


def _decoded(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > _LONGEST_CURSOR:
        raise Invalid("no_cursor_of_list", field="cursor")
    return int(cursor)


def _conditions(which: AuditFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if which.tenant_ids is not None:
        found.append(AUDIT.c.tenant_id.in_(which.tenant_ids))
    if which.hidden_subjects:
        found.append(AUDIT.c.subject.not_in(which.hidden_subjects))
    for column, wanted in ((AUDIT.c.actor, which.actor), (AUDIT.c.result, which.result)):
        if wanted is not None:
            found.append(column == wanted)
    if which.action is not None:
        every = which.action.endswith(".")
        found.append(
            AUDIT.c.action.startswith(which.action, autoescape=True) if every else AUDIT.c.action == which.action
        )
    if which.object is not None:
        within = AUDIT.c.object.startswith(which.object.rstrip("/") + "/", autoescape=True)
        found.append(or_(AUDIT.c.object == which.object, within))
    if which.from_us is not None:
        found.append(AUDIT.c.at_us >= which.from_us)
    if which.to_us is not None:
        found.append(AUDIT.c.at_us < which.to_us)
    return found


def _row(entry: AuditEntry) -> dict[str, Any]:
    deed = entry.deed
    if deed is None:
        raise AuditUnavailable("a closed entry cannot be kept")
    return {
        "seq": entry.seq,
        "at_us": entry.at_us,
        "actor": deed.actor,
        "name": deed.name,
        "tenant_id": deed.tenant_id,
        "action": deed.action,
        "subject": deed.subject,
        "object": deed.object,
        "address": deed.address,
        "result": deed.result,
        "request_id": deed.request_id,
        "detail": deed.detail,
        "person": entry.seal.person,
        "content": entry.seal.content,
        "previous": entry.seal.previous,
        "mac": entry.seal.mac,
    }


def _entry(row: Row[Any]) -> AuditEntry:
    deed = AuditEvent(
        actor=row.actor,
        name=row.name,
        tenant_id=row.tenant_id,
        action=row.action,
        object=row.object,
        address=row.address,
        result=row.result,
        request_id=row.request_id,
        detail=row.detail,
    )
    return AuditEntry(row.seq, row.at_us, deed, AuditSeal(row.person, row.content, row.previous, row.mac))
