"""The event book on the registry database."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, Table, delete, func, select, text, update

from application.kinds.event_network.ports import EventFilter
from application.ports.paging import ResultPage
from devices.errors import Conflict, IdUnavailable, NotFound, VersionMismatch
from devices.event_network.city_event import CityEvent, EventState, TestedCapacity
from storage.kinds.event_network.rows import event_of, event_row, part_rows, test_of
from storage.kinds.event_network.tables import AREAS, BOOKINGS, EVENTS, OBJECTS, TESTS
from storage.registry.paging import newest_first
from storage.registry.row_statements import in_chunks, insert_new, upsert_rows

_IDLE: Final = (EventState.DRAFT.value, EventState.CANCELLED.value)
_LOCK: Final = 0x4C4E4554
"""PostgreSQL's advisory lock of this book: one plan at a time, so that two cannot take the same node."""


class SqlEventRepository:
    """Events on the transaction's connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, event: CityEvent) -> CityEvent:
        """File a new event. Raises Conflict when the id exists or a node is taken."""
        self._lock()
        new = replace(event, version=1)
        if not insert_new(self._connection, EVENTS, [event_row(new)]):
            raise IdUnavailable("id")
        self._put_parts(new)
        return new

    def change(self, event: CityEvent) -> CityEvent:
        """Replace. Raises NotFound, VersionMismatch, Conflict when a node is taken."""
        self._lock()
        new = replace(event, version=event.version + 1)
        values = {k: v for k, v in event_row(new).items() if k not in {"event_id", "tenant_id", "created_us"}}
        same = (EVENTS.c.event_id == event.event_id) & (EVENTS.c.version == event.version)
        if not self._connection.execute(update(EVENTS).where(same).values(values)).rowcount:
            self.get(event.event_id)
            raise VersionMismatch("event_network.event_changed", event=event.event_id)
        for table in (AREAS, OBJECTS, BOOKINGS):
            self._connection.execute(delete(table).where(table.c.event_id == event.event_id))
        self._put_parts(new)
        return self.get(event.event_id)

    def get(self, event_id: str) -> CityEvent:
        """Raises NotFound."""
        found = self._events(select(EVENTS).where(EVENTS.c.event_id == event_id))
        if not found:
            raise NotFound(event_id)
        return found[0]

    def find(self, which: EventFilter, limit: int = 100, cursor: str | None = None) -> ResultPage[CityEvent]:
        """Events in order of service time, latest first."""
        order = (EVENTS.c.service_from_us, EVENTS.c.event_id)
        rows, following = newest_first(self._connection, _filtered(which), order, limit, cursor)
        return ResultPage(self._with_parts(rows), following)

    def remove(self, event_id: str) -> None:
        """Drop a draft. Raises NotFound, Conflict."""
        self._lock()
        if self.get(event_id).state is not EventState.DRAFT:
            raise Conflict("event_network.only_drafts_removed")
        for table in (AREAS, OBJECTS, BOOKINGS, EVENTS):
            self._connection.execute(delete(table).where(table.c.event_id == event_id))

    def set_state(self, event_id: str, state: EventState) -> None:
        """Follow the schedule. Raises NotFound."""
        statement = update(EVENTS).where(EVENTS.c.event_id == event_id).values(state=state.value)
        if not self._connection.execute(statement).rowcount:
            raise NotFound(event_id)

    def running(self) -> Sequence[CityEvent]:
        """Events that hold and are not closed."""
        idle = (*_IDLE, EventState.CLOSED.value)
        return self._events(select(EVENTS).where(EVENTS.c.state.not_in(idle)).order_by(EVENTS.c.event_id))

    def serving(self, asset_ids: Collection[str], at_us: int) -> Mapping[str, CityEvent]:
        """Event that each of the assets serves at an instant."""
        wanted = set(asset_ids)
        taken = select(OBJECTS.c.event_id).where(_from() <= at_us, at_us < _until(), EVENTS.c.state.not_in(_IDLE))
        taken = taken.join(EVENTS, EVENTS.c.event_id == OBJECTS.c.event_id)
        found: dict[str, CityEvent] = {}
        for some in in_chunks(wanted):
            ids = taken.where(OBJECTS.c.asset_id.in_(some))
            for event in self._events(select(EVENTS).where(EVENTS.c.event_id.in_(ids))):
                found |= {o.asset_id: event for o in event.serving(at_us) if o.asset_id in wanted}
        return found

    def put_tests(self, tests: Sequence[TestedCapacity]) -> None:
        """Keep each unless a newer one is known."""
        newest: dict[tuple[str, str, str], TestedCapacity] = {}
        for test in [*self.tests({t.asset_id for t in tests}), *tests]:
            key = (test.asset_id, test.part, test.direction)
            if key not in newest or newest[key].at_us <= test.at_us:
                newest[key] = test
        upsert_rows(self._connection, TESTS, [asdict(t) for t in newest.values() if t in tests])

    def tests(self, asset_ids: Collection[str]) -> Sequence[TestedCapacity]:
        """Newest tests of the given assets."""
        order = (TESTS.c.asset_id, TESTS.c.part, TESTS.c.direction)
        queries = (select(TESTS).where(TESTS.c.asset_id.in_(some)).order_by(*order) for some in in_chunks(asset_ids))
        return [test_of(row) for query in queries for row in self._connection.execute(query)]

    def _put_parts(self, event: CityEvent) -> None:
        for table, parts in ((AREAS, event.areas), (OBJECTS, event.objects), (BOOKINGS, event.bookings)):
            rows = part_rows(event, parts)
            if rows:
                self._connection.execute(table.insert(), rows)
        if event.holds:
            self._refuse_taken(event)

    def _refuse_taken(self, event: CityEvent) -> None:
        """Raise Conflict when a node of the event serves another of its town in an overlapping time.

        Of another town's event only an outdated plan can overlap: its loan was ended early.
        """
        spans: dict[str, tuple[int, int]] = {}
        for item in event.objects:
            start, end = event.span(item)
            known = spans.get(item.asset_id, (start, end))
            spans[item.asset_id] = (min(known[0], start), max(known[1], end))
        query = select(OBJECTS.c.asset_id, EVENTS.c.event_id, EVENTS.c.name, _from().label("a"), _until().label("b"))
        query = query.join(EVENTS, EVENTS.c.event_id == OBJECTS.c.event_id)
        query = query.where(EVENTS.c.state.not_in(_IDLE), EVENTS.c.event_id != event.event_id)
        query = query.where(EVENTS.c.tenant_id == event.tenant_id)
        for some in in_chunks(spans):
            for row in self._connection.execute(query.where(OBJECTS.c.asset_id.in_(some))):
                start, end = spans[row.asset_id]
                if row.a < end and start < row.b:
                    raise Conflict(
                        "event_network.serves_another",
                        device=row.asset_id,
                        name=row.name,
                        event=row.event_id,
                        field="objects",
                    )

    def _events(self, query: Select[Any]) -> list[CityEvent]:
        return self._with_parts(list(self._connection.execute(query)))

    def _with_parts(self, rows: Sequence[Row[Any]]) -> list[CityEvent]:
        ids = [row.event_id for row in rows]
        areas, objects, bookings = (self._parts(table, ids) for table in (AREAS, OBJECTS, BOOKINGS))
        return [event_of(r, areas[r.event_id], objects[r.event_id], bookings[r.event_id]) for r in rows]

    def _parts(self, table: Table, event_ids: Sequence[str]) -> Mapping[str, list[Row[Any]]]:
        found: dict[str, list[Row[Any]]] = defaultdict(list)
        for some in in_chunks(event_ids):
            query = select(table).where(table.c.event_id.in_(some)).order_by(table.c.event_id, table.c.number)
            for row in self._connection.execute(query):
                found[row.event_id].append(row)
        return found

    def _lock(self) -> None:
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _from() -> Any:  # noqa: ANN401 - SQLAlchemy's expression
    return func.coalesce(OBJECTS.c.from_us, EVENTS.c.setup_from_us)


def _until() -> Any:  # noqa: ANN401 - SQLAlchemy's expression
    return func.coalesce(OBJECTS.c.until_us, EVENTS.c.teardown_to_us)


def _filtered(which: EventFilter) -> Select[Any]:
    query = select(EVENTS)
    if which.tenant_ids is not None:
        query = query.where(EVENTS.c.tenant_id.in_(list(which.tenant_ids)))
    if which.event_ids is not None:
        query = query.where(EVENTS.c.event_id.in_(list(which.event_ids)))
    if which.states is not None:
        query = query.where(EVENTS.c.state.in_([s.value for s in which.states]))
    if which.asset_id is not None:
        of_asset = select(OBJECTS.c.event_id).where(OBJECTS.c.asset_id == which.asset_id)
        query = query.where(EVENTS.c.event_id.in_(of_asset))
    if which.to_us is not None:
        query = query.where(EVENTS.c.setup_from_us < which.to_us)
    if which.from_us is not None:
        query = query.where(EVENTS.c.teardown_to_us > which.from_us)
    return query
