"""Which connector speaks for which devices, and when."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import ColumnElement, Connection, bindparam, case, func, insert, or_, select, update

from application.ports.memberships import ConnectorMembership
from devices.errors import Conflict
from storage.registry.cache_revisions import CREDENTIALS, raise_inventory_revision, raise_revision
from storage.registry.row_statements import in_chunks
from storage.registry.tables import BINDINGS, DESIRED_CONFIGS, SPEAKS_FOR, UNRELEASED

COLUMNS = [SPEAKS_FOR.c[name] for name in ConnectorMembership.__dataclass_fields__]
RUNNING = SPEAKS_FOR.c.until_us.is_(None)


class SqlMembershipRepository:
    """Memberships; each change counts as one of the inventory and of the logins: gateway and brokers follow."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, wanted: Sequence[ConnectorMembership]) -> None:
        """See `Memberships.begin`."""
        members = {one.member_id for one in wanted}
        connectors = {one.connector_id for one in wanted}
        self._wait_for_others(members | connectors)
        known = self.of_members(members)
        new = [one for one in wanted if not _runs(one, known.get(one.member_id, ()))]
        self._refuse_chains(new, members, connectors)
        for one in new:
            for other in known.get(one.member_id, ()):
                if other.from_us >= one.from_us or (other.until_us is not None and other.until_us > one.from_us):
                    raise Conflict("another_speaks_for", device=one.member_id, field="from")
        by_start: dict[int, list[str]] = {}
        for one in new:
            by_start.setdefault(one.from_us, []).append(one.member_id)
        for from_us, ids in by_start.items():
            end_running(self._connection, ids, SPEAKS_FOR.c.member_id, from_us)
        if new:
            self._connection.execute(insert(SPEAKS_FOR), [asdict(one) for one in new])
            self._tell({one.member_id for one in new})

    def end(self, member_ids: Collection[str], at_us: int) -> None:
        """End those that run for these members."""
        if end_running(self._connection, member_ids, SPEAKS_FOR.c.member_id, at_us):
            self._tell(member_ids)

    def of_members(self, device_ids: Collection[str]) -> Mapping[str, tuple[ConnectorMembership, ...]]:
        """All of each device that had any, oldest first."""
        found: defaultdict[str, list[ConnectorMembership]] = defaultdict(list)
        for some in in_chunks(device_ids):
            query = select(*COLUMNS).where(SPEAKS_FOR.c.member_id.in_(some)).order_by(SPEAKS_FOR.c.from_us)
            for row in self._connection.execute(query):
                found[row.member_id].append(ConnectorMembership(*row))
        return {member_id: tuple(all_of_it) for member_id, all_of_it in found.items()}

    def running_of(self, connector_id: str) -> Sequence[ConnectorMembership]:
        """Those that run now, in order of member."""
        query = select(*COLUMNS).where(SPEAKS_FOR.c.connector_id == connector_id, RUNNING)
        return [ConnectorMembership(*row) for row in self._connection.execute(query.order_by(SPEAKS_FOR.c.member_id))]

    def connectors(self) -> Mapping[str, int]:
        """User names at the broker of devices that speak for others now, and since when."""
        named = (SPEAKS_FOR.c.tenant_id, SPEAKS_FOR.c.connector_kind, SPEAKS_FOR.c.connector_id)
        query = select(func.min(SPEAKS_FOR.c.from_us), *named).where(RUNNING).group_by(*named)
        return {"/".join(user): from_us for from_us, *user in self._connection.execute(query)}

    def unreleased(self, limit: int = 500) -> Sequence[ConnectorMembership]:
        """Those that ended and whose connector was not told; the longest ended first."""
        query = select(*COLUMNS).where(UNRELEASED).order_by(SPEAKS_FOR.c.until_us, SPEAKS_FOR.c.member_id)
        return [ConnectorMembership(*row) for row in self._connection.execute(query.limit(limit))]

    def mark_released(self, ended: Sequence[ConnectorMembership]) -> None:
        """Record that the broker has it for their connectors."""
        one = (SPEAKS_FOR.c.member_id == bindparam("member")) & (SPEAKS_FOR.c.from_us == bindparam("start"))
        if ended:
            marks = [{"member": m.member_id, "start": m.from_us} for m in ended]
            self._connection.execute(update(SPEAKS_FOR).where(one).values(released=True), marks)

    def _wait_for_others(self, device_ids: Collection[str]) -> None:
        """Whoever sets one of the same devices at once waits here for the other."""
        for some in in_chunks(sorted(device_ids)):
            query = select(BINDINGS.c.device_id).where(BINDINGS.c.device_id.in_(some))
            self._connection.execute(query.order_by(BINDINGS.c.device_id).with_for_update()).all()

    def _refuse_chains(
        self, new: Sequence[ConnectorMembership], members: Collection[str], connectors: Collection[str]
    ) -> None:
        for one in new:
            if one.connector_id in members:
                raise Conflict("connector_and_member", device=one.connector_id, field="devices")
        if not new:
            return
        earliest_us = min(one.from_us for one in new)
        lasting = or_(RUNNING, SPEAKS_FOR.c.until_us > earliest_us)
        for column, ids, why in (
            (SPEAKS_FOR.c.connector_id, members, "speaks_for_others"),
            (SPEAKS_FOR.c.member_id, connectors, "is_spoken_for"),
        ):
            for some in in_chunks(ids):
                row = self._connection.execute(select(column).where(column.in_(some), lasting).limit(1)).first()
                if row is not None:
                    raise Conflict(why, device=row[0], field="devices")

    def _tell(self, member_ids: Collection[str]) -> None:
        tell_brokers_and_gateway(self._connection, member_ids)


def _runs(wanted: ConnectorMembership, known: Sequence[ConnectorMembership]) -> bool:
    running = (one for one in known if one.until_us is None and one.from_us <= wanted.from_us)
    return any(one.connector_id == wanted.connector_id for one in running)


def end_with_bindings(connection: Connection, device_ids: Collection[str], at_us: int) -> None:
    """End what runs of devices whose binding to their asset ends, as connectors and as members."""
    either = [SPEAKS_FOR.c.connector_id, SPEAKS_FOR.c.member_id]
    if sum(end_running(connection, device_ids, column, at_us) for column in either):
        tell_brokers_and_gateway(connection, device_ids)


def end_running(connection: Connection, device_ids: Collection[str], column: ColumnElement[str], at_us: int) -> int:
    """End those that run and have one of the devices in this column; returns how many."""
    ended = 0
    end_us = case((SPEAKS_FOR.c.from_us > at_us, SPEAKS_FOR.c.from_us), else_=at_us)
    for some in in_chunks(device_ids):
        statement = update(SPEAKS_FOR).where(column.in_(some), RUNNING).values(until_us=end_us)
        ended += connection.execute(statement).rowcount
    return ended


def tell_brokers_and_gateway(connection: Connection, device_ids: Collection[str]) -> None:
    """Let caches follow, and configurations go out again: they are due on another topic."""
    for some in in_chunks(device_ids):
        bound = select(BINDINGS.c.asset_id).where(BINDINGS.c.device_id.in_(some), BINDINGS.c.until_us.is_(None))
        again = update(DESIRED_CONFIGS).where(DESIRED_CONFIGS.c.asset_id.in_(bound))
        connection.execute(again.values(published_version=None, pending=True))
    raise_inventory_revision(connection)
    raise_revision(connection, CREDENTIALS)
