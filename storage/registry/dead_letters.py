"""Refused messages."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from application.ports.dead_letters import DeadLetter
from application.ports.paging import ResultPage
from devices.errors import Conflict, NotFound
from storage.registry.paging import newest_first
from storage.registry.row_statements import in_chunks, insert_new
from storage.registry.tables import DEAD_LETTERS, REPLAY

LETTERS = DEAD_LETTERS


class SqlDeadLetters:
    """DeadLetters."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Keep; adding the same letter_id again changes nothing."""
        insert_new(self._connection, LETTERS, [_row(letter) for letter in letters])

    def get(self, letter_id: str) -> DeadLetter:
        """Raises NotFound."""
        row = self._connection.execute(select(LETTERS).where(LETTERS.c.letter_id == letter_id)).one_or_none()
        if row is None:
            raise NotFound(letter_id)
        return _letter(row)

    def find(
        self,
        *,
        kinds: Collection[str] | None = None,
        tenant_ids: Collection[str] | None = None,
        device_id: str | None = None,
        reason: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> ResultPage[DeadLetter]:
        """Newest first. `kinds`, or `tenant_ids`, given excludes letters whose kind, or tenant, is not known."""
        query = select(LETTERS)
        if kinds is not None:
            query = query.where(LETTERS.c.kind.in_(kinds))
        if tenant_ids is not None:
            query = query.where(LETTERS.c.tenant_id.in_(tenant_ids))
        if device_id is not None:
            query = query.where(LETTERS.c.device_id == device_id)
        if reason is not None:
            query = query.where(LETTERS.c.reason == reason)
        order = (LETTERS.c.received_us, LETTERS.c.letter_id)
        rows, following = newest_first(self._connection, query, order, limit, cursor)
        return ResultPage([_letter(row) for row in rows], following)

    def kept_since(self, device_id: str | None, from_us: int) -> tuple[int, int]:
        """How many letters of a device, or of none, came at or after an instant, and their bytes."""
        size = func.coalesce(func.sum(func.length(LETTERS.c.payload)), 0)
        query = select(func.count(), size).where(LETTERS.c.device_id == device_id, LETTERS.c.received_us >= from_us)
        count, total = self._connection.execute(query).one()
        return int(count), int(total)

    def request_replay(self, letter_id: str) -> None:
        """Ask the gateway to judge it again. Raises NotFound, Conflict when its bytes were not kept."""
        if self.get(letter_id).payload is None:
            raise Conflict("bytes_not_kept")
        self._connection.execute(update(LETTERS).where(LETTERS.c.letter_id == letter_id).values(replay_requested=True))

    def replays(self, limit: int = 100) -> Sequence[DeadLetter]:
        """Letters whose replay is asked for and not done."""
        query = select(LETTERS).where(REPLAY).order_by(LETTERS.c.letter_id).limit(limit)
        return [_letter(row) for row in self._connection.execute(query)]

    def mark_replayed(self, letter_ids: Collection[str], at_us: int) -> None:
        """Record that they were judged again."""
        for some in in_chunks(letter_ids):
            done = update(LETTERS).where(LETTERS.c.letter_id.in_(some))
            self._connection.execute(done.values(replay_requested=False, replayed_us=at_us))


def _row(letter: DeadLetter) -> dict[str, Any]:
    return {
        "letter_id": letter.letter_id,
        "received_us": letter.received_us,
        "topic": letter.topic,
        "payload": letter.payload,
        "reason": letter.reason,
        "detail": letter.detail.replace("\0", "\\0").encode(errors="backslashreplace").decode(),
        "tenant_id": letter.tenant_id,
        "kind": letter.kind,
        "device_id": letter.device_id,
        "qos": letter.qos,
        "retained": letter.retained,
        "replayed_us": letter.replayed_us,
        "replay_requested": False,
    }


def _letter(row: Row[Any]) -> DeadLetter:
    return DeadLetter(
        letter_id=row.letter_id,
        received_us=row.received_us,
        topic=row.topic,
        payload=row.payload,
        reason=row.reason,
        detail=row.detail,
        tenant_id=row.tenant_id,
        kind=row.kind,
        device_id=row.device_id,
        qos=row.qos,
        retained=row.retained,
        replayed_us=row.replayed_us,
    )
