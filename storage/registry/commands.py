"""Commands: requests filed by the API, progress recorded by the gateway."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, insert, literal, select, tuple_, update

from application.ports.paging import ResultPage
from devices.commands.command import Command
from devices.errors import Conflict, NotFound
from storage.registry.command_keys import CommandKeys
from storage.registry.command_rows import command_of, is_open, progress_of, row_of
from storage.registry.metadata import dump_json
from storage.registry.paging import newest_first
from storage.registry.row_statements import in_chunks
from storage.registry.tables import COMMANDS, OPEN_COMMAND

EVERY: Final = select(COMMANDS)
# SQLite's write transaction locks by itself; one order of rows for all keeps two lockers from waiting for each other.
LOCKED: Final = EVERY.order_by(COMMANDS.c.command_id).with_for_update()
# A cancellation asked for while the gateway worked on the command must survive its record.
RECORD: Final = (
    update(COMMANDS)
    .where(COMMANDS.c.command_id == bindparam("which"))
    .values(cancel_requested_us=func.coalesce(COMMANDS.c.cancel_requested_us, bindparam("cancelled_us")))
)


class SqlCommandRepository:
    """Commands. What is not finished stands in a partial index, so that polling does not grow with the history."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._keys = CommandKeys(connection)

    def add(self, commands: Sequence[Command], idempotency_key: str | None = None, request_digest: str = "") -> None:
        """File new commands; the key (of this issuer) is kept 24 h. Raises Conflict when an id, or the key, exists."""
        if not commands:
            return
        ids = [command.command_id for command in commands]
        for some in in_chunks(ids):
            known = self._connection.execute(select(COMMANDS.c.command_id).where(COMMANDS.c.command_id.in_(some)))
            if found := known.scalars().first():
                raise Conflict("command_exists", command=found)
        if idempotency_key is not None:
            self._keys.add(commands[0], idempotency_key, request_digest, ids)
        self._connection.execute(insert(COMMANDS), [row_of(command) for command in commands])

    def by_idempotency_key(self, issuer: str, key: str) -> tuple[str, Sequence[Command]] | None:
        """Digest and commands filed under the key, or None; within write() nobody else files under it meanwhile."""
        filed = self._keys.get(issuer, key)
        if filed is None:
            return None
        digest, ids = filed
        found = {command.command_id: command for command in self._where_in(COMMANDS.c.command_id, ids)}
        return digest, [found[command_id] for command_id in ids]

    def get(self, command_id: str) -> Command:
        """Raises NotFound."""
        for command in self._all(EVERY.where(COMMANDS.c.command_id == command_id)):
            return command
        raise NotFound(command_id)

    def by_wire_id(self, wire_id: str) -> Sequence[Command]:
        """All member commands of a group command, or the one."""
        return self._all(EVERY.where(COMMANDS.c.wire_id == wire_id).order_by(COMMANDS.c.asset_id))

    def awaiting(self, limit: int = 5000) -> Sequence[Command]:
        """Commands that are not final, have an effect pending or in force, or a cancellation to send; oldest first."""
        order = (COMMANDS.c.issued_us, COMMANDS.c.command_id)
        return self._all(EVERY.where(OPEN_COMMAND).order_by(*order).limit(limit))

    def by_wire_ids_of(self, keys: Collection[tuple[str, str]], *, lock: bool = False) -> Sequence[Command]:
        """Commands by (wire_id, asset_id). `lock`: nobody else changes them before this write transaction ends."""
        having = _having_pairs if self._connection.dialect.name == "postgresql" else _having_pairs_sqlite
        query = LOCKED if lock else EVERY
        return [command for some in in_chunks(sorted(keys)) for command in self._all(having(query, some))]

    def count_by_delivery(self, since_us: int) -> Mapping[str, int]:
        """Number of commands issued since then, by delivery state; states without any are absent."""
        counts = select(COMMANDS.c.delivery, func.count()).where(COMMANDS.c.issued_us >= since_us)
        return {row[0]: int(row[1]) for row in self._connection.execute(counts.group_by(COMMANDS.c.delivery))}

    def in_force(self, asset_ids: Collection[str], *, lock: bool = False) -> Sequence[Command]:
        """Commands whose effect is pending or in force; `lock` as above."""
        lasting = COMMANDS.c.effect.in_(("pending", "in_force"))
        query = LOCKED if lock else EVERY
        return self._where_in(COMMANDS.c.asset_id, asset_ids, query.where(OPEN_COMMAND, lasting))

    def record(self, commands: Sequence[Command]) -> None:
        """Replace the progress columns (delivery, effect, answer, attempts, instants, history)."""
        if commands:
            self._connection.execute(RECORD, [progress_of(command) for command in commands])

    def request_cancel(self, command_id: str, at_us: int) -> Command:
        """Ask the dispatcher to cancel; the first request stays. Raises NotFound, Conflict when nothing is left."""
        if not is_open(self.get(command_id)):
            raise Conflict("finished_already")
        first = (COMMANDS.c.command_id == command_id) & COMMANDS.c.cancel_requested_us.is_(None)
        self._connection.execute(update(COMMANDS).where(first).values(cancel_requested_us=at_us))
        return self.get(command_id)

    def find(
        self,
        *,
        tenant_ids: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
        also: Collection[str] = (),
        asset_id: str | None = None,
        group_id: str | None = None,
        delivery: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> ResultPage[Command]:
        """Newest first; `also` names assets that pass although their kind does not."""
        query = EVERY
        if tenant_ids is not None:
            query = query.where(COMMANDS.c.tenant_id.in_(tenant_ids))
        if kinds is not None:
            query = query.where(COMMANDS.c.kind.in_(kinds) | COMMANDS.c.asset_id.in_(also))
        for column, wanted in (("asset_id", asset_id), ("group_id", group_id), ("delivery", delivery)):
            if wanted is not None:
                query = query.where(COMMANDS.c[column] == wanted)
        order = (COMMANDS.c.issued_us, COMMANDS.c.command_id)
        rows, following = newest_first(self._connection, query, order, limit, cursor)
        return ResultPage([command_of(row) for row in rows], following)

    def _all(self, query: Select[Any]) -> list[Command]:
        return [command_of(row) for row in self._connection.execute(query)]

    def _where_in(self, column: ColumnElement[str], ids: Collection[str], query: Select[Any] = EVERY) -> list[Command]:
        return [command for some in in_chunks(ids) for command in self._all(query.where(column.in_(some)))]


def _having_pairs(query: Select[Any], keys: list[tuple[str, str]]) -> Select[Any]:
    return query.where(tuple_(COMMANDS.c.wire_id, COMMANDS.c.asset_id).in_(keys))


def _having_pairs_sqlite(query: Select[Any], keys: list[tuple[str, str]]) -> Select[Any]:
    # SQLite scans the table for `(a, b) IN (…)`; joined to a list it uses the index.
    pair = func.json_each(literal(dump_json(keys))).table_valued("value").c.value
    wire_id, asset_id = func.json_extract(pair, "$[0]"), func.json_extract(pair, "$[1]")
    return query.where(COMMANDS.c.wire_id == wire_id, COMMANDS.c.asset_id == asset_id)
