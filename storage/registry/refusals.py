"""What brokers refused to logins."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, select

from application.ports.credentials import LoginRefusal
from application.ports.paging import ResultPage
from storage.registry.paging import in_order
from storage.registry.row_statements import in_chunks, upsert_rows
from storage.registry.tables import REFUSALS

MOST: Final = 10_000


class SqlLoginRefusals:
    """Refusals."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def note(self, seen: Sequence[LoginRefusal]) -> None:
        """Add to what is known; each user and reason once."""
        known = self._known([_key(refused) for refused in seen])
        rows = [_row(refused, known.get(_key(refused))) for refused in seen]
        upsert_rows(self._connection, REFUSALS, rows)
        if self._connection.execute(select(func.count()).select_from(REFUSALS)).scalar_one() > MOST:
            newest = select(REFUSALS.c.refusal_id).order_by(REFUSALS.c.last_us.desc(), REFUSALS.c.refusal_id)
            # SQLite wants a limit beside each offset.
            surplus = newest.limit(2**31).offset(MOST)
            self._connection.execute(delete(REFUSALS).where(REFUSALS.c.refusal_id.in_(surplus)))

    def since(self, from_us: int) -> Sequence[LoginRefusal]:
        """Lines with a refusal at or after an instant, in any order."""
        query = select(REFUSALS).where(REFUSALS.c.last_us >= from_us)
        return [_refused(row) for row in self._connection.execute(query)]

    def find(
        self,
        limit: int = 100,
        cursor: str | None = None,
        *,
        tenant_ids: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
    ) -> ResultPage[LoginRefusal]:
        """In order of user and reason; with None also those that are of no tenant or kind."""
        query = select(REFUSALS)
        if tenant_ids is not None:
            query = query.where(REFUSALS.c.tenant_id.in_(tenant_ids))
        if kinds is not None:
            query = query.where(REFUSALS.c.kind.in_(kinds))
        rows, following = in_order(self._connection, query, REFUSALS.c.refusal_id, limit, cursor)
        return ResultPage([_refused(row) for row in rows], following)

    def _known(self, keys: list[str]) -> dict[str, Row[Any]]:
        return {
            row.refusal_id: row
            for some in in_chunks(keys)
            for row in self._connection.execute(select(REFUSALS).where(REFUSALS.c.refusal_id.in_(some)))
        }


def _key(refused: LoginRefusal) -> str:
    return f"{refused.user} {refused.reason}"


def _row(refused: LoginRefusal, before: Row[Any] | None) -> dict[str, Any]:
    return {
        "refusal_id": _key(refused),
        "login": refused.user,
        "reason": refused.reason,
        "tenant_id": refused.tenant_id,
        "kind": refused.kind,
        "detail": refused.detail,
        "address": refused.address,
        "first_us": before.first_us if before else refused.first_us,
        "last_us": max(before.last_us, refused.last_us) if before else refused.last_us,
        "times": refused.times + (before.times if before else 0),
    }


def _refused(row: Row[Any]) -> LoginRefusal:
    return LoginRefusal(
        user=row.login,
        reason=row.reason,
        tenant_id=row.tenant_id,
        kind=row.kind,
        detail=row.detail,
        address=row.address,
        first_us=row.first_us,
        last_us=row.last_us,
        times=row.times,
    )
