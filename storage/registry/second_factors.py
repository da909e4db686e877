"""Second factors of users."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from application.access.second_factor import SecondFactorMethod, wait_us
from application.ports.second_factors import SecondFactor
from devices.errors import IdUnavailable, NotFound
from storage.registry.access_tables import RECOVERY_CODES, SECOND_FACTOR_TRIES, SECOND_FACTORS
from storage.registry.row_statements import in_chunks, insert_new

FACTORS, CODES, TRIES = SECOND_FACTORS, RECOVERY_CODES, SECOND_FACTOR_TRIES


class SqlSecondFactors:
    """SecondFactors."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, factor: SecondFactor) -> None:
        """Store; an app of the user that was never confirmed goes. Raises IdUnavailable for a known credential id."""
        mine = FACTORS.c.user_id == factor.user_id
        self._connection.execute(delete(FACTORS).where(mine, FACTORS.c.confirmed_us.is_(None)))
        row = {
            "factor_id": factor.factor_id,
            "user_id": factor.user_id,
            "method": factor.method.value,
            "name": factor.name,
            "created_us": factor.created_us,
            "proof": factor.proof,
            "credential_id": factor.credential_id,
            "counter": factor.counter,
            "confirmed_us": factor.confirmed_us,
            "last_used_us": factor.last_used_us,
        }
        if not insert_new(self._connection, FACTORS, [row]):
            raise IdUnavailable("credential")

    def of_user(self, user_id: str, *, unconfirmed: bool = False) -> Sequence[SecondFactor]:
        """Confirmed ones, oldest first; or the ones that are not."""
        state = FACTORS.c.confirmed_us.is_(None) if unconfirmed else FACTORS.c.confirmed_us.is_not(None)
        query = select(FACTORS).where(FACTORS.c.user_id == user_id, state)
        rows = self._connection.execute(query.order_by(FACTORS.c.created_us, FACTORS.c.factor_id))
        return [_factor(row) for row in rows]

    def holders(self, user_ids: Collection[str]) -> frozenset[str]:
        """Which of these users have a confirmed one."""
        found: set[str] = set()
        for some in in_chunks(user_ids):
            query = select(FACTORS.c.user_id).where(FACTORS.c.user_id.in_(some), FACTORS.c.confirmed_us.is_not(None))
            found.update(self._connection.execute(query.distinct()).scalars())
        return frozenset(found)

    def confirm(self, factor_id: str, name: str, at_us: int) -> None:
        """It counts from now on."""
        own = FACTORS.c.factor_id == factor_id
        self._connection.execute(update(FACTORS).where(own).values(confirmed_us=at_us, name=name))

    def use(self, factor_id: str, counter: int, at_us: int, *, after: int) -> bool:
        """Note a use; False when another used it since its counter was `after`."""
        read = (FACTORS.c.factor_id == factor_id) & (FACTORS.c.counter == after)
        change = update(FACTORS).where(read).values(counter=counter, last_used_us=at_us)
        return bool(self._connection.execute(change).rowcount)

    def remove(self, user_id: str, factor_id: str) -> None:
        """Forget one. Raises NotFound."""
        own = (FACTORS.c.user_id == user_id) & (FACTORS.c.factor_id == factor_id)
        if not self._connection.execute(delete(FACTORS).where(own)).rowcount:
            raise NotFound(factor_id)

    def remove_all(self, user_id: str) -> int:
        """Forget all, with recovery codes and failed tries; returns how many apps and passkeys."""
        count = len(self.of_user(user_id))
        for table in (FACTORS, CODES, TRIES):
            self._connection.execute(delete(table).where(table.c.user_id == user_id))
        return count

    def put_recovery_codes(self, user_id: str, digests: Collection[bytes], now_us: int) -> None:
        """Store; earlier ones stop working."""
        self._connection.execute(delete(CODES).where(CODES.c.user_id == user_id))
        rows = [{"code_sha256": digest, "user_id": user_id, "created_us": now_us} for digest in digests]
        if rows:
            self._connection.execute(CODES.insert(), rows)

    def take_recovery_code(self, user_id: str, digest: bytes) -> bool:
        """Use one up; False when there is none such."""
        own = (CODES.c.user_id == user_id) & (CODES.c.code_sha256 == digest)
        return bool(self._connection.execute(delete(CODES).where(own)).rowcount)

    def recovery_codes_left(self, user_id: str) -> int:
        """How many still work."""
        query = select(func.count()).select_from(CODES).where(CODES.c.user_id == user_id)
        return int(self._connection.execute(query).scalar_one())

    def begin_try(self, user_id: str, now_us: int) -> int:
        """Count a try as failed, alone among others at once; or return how many µs it must wait, and count nothing."""
        insert_new(self._connection, TRIES, [{"user_id": user_id, "failed": 0, "last_us": now_us}])
        own = TRIES.c.user_id == user_id
        # Takes the row, so that of two tries at once one waits for the other, and counts it.
        self._connection.execute(update(TRIES).where(own).values(failed=TRIES.c.failed + 1))
        row = self._connection.execute(select(TRIES).where(own)).one()
        wait = wait_us(row.failed - 1, row.last_us, now_us)
        values = {"failed": row.failed - 1, "last_us": min(row.last_us, now_us)} if wait else {"last_us": now_us}
        self._connection.execute(update(TRIES).where(own).values(values))
        return wait

    def end_tries(self, user_id: str) -> None:
        """Forget failed tries: one was right."""
        self._connection.execute(delete(TRIES).where(TRIES.c.user_id == user_id))


def _factor(row: Row[Any]) -> SecondFactor:
    return SecondFactor(
        factor_id=row.factor_id,
        user_id=row.user_id,
        method=SecondFactorMethod(row.method),
        name=row.name,
        created_us=row.created_us,
        proof=row.proof,
        credential_id=row.credential_id,
        counter=row.counter,
        confirmed_us=row.confirmed_us,
        last_used_us=row.last_used_us,
    )
