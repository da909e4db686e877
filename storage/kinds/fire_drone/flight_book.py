"""Flights and marks on SQL."""

from collections.abc import Collection, Sequence
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from application.kinds.fire_drone.ports import FlightFilter, FlightRecord, RecomputeMark
from application.ports.paging import ResultPage
from devices.errors import NotFound
from devices.fire_drone.flights.flight import DetectedFlight, FlightStatus
from storage.kinds.fire_drone.tables import FLIGHTS, MARKS
from storage.registry.paging import newest_first
from storage.registry.row_statements import in_chunks, upsert_rows

_DETECTED = TypeAdapter(DetectedFlight)
_F = FLIGHTS.c
_FIXED = ("tenant_id", "asset_id", "number", "source", "drone", "recorded_us")


class SqlFlightBook:
    """The flight book on the transaction's connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def mark(self, marks: Sequence[RecomputeMark]) -> None:
        """Keep; ids rise."""
        if marks:
            rows = [{name: getattr(mark, name) for name in _MARKED} for mark in marks]
            self._connection.execute(insert(MARKS), rows)

    def marks(self, limit: int = 5000) -> Sequence[RecomputeMark]:
        """Oldest first."""
        query = select(MARKS).order_by(MARKS.c.mark_id).limit(limit)
        return [RecomputeMark(**row._mapping) for row in self._connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name

    def settle(self, mark_ids: Collection[int]) -> None:
        """Forget marks."""
        for ids in in_chunks(mark_ids):
            self._connection.execute(delete(MARKS).where(MARKS.c.mark_id.in_(ids)))

    def put(self, flights: Sequence[FlightRecord]) -> None:
        """Insert or replace what was computed."""
        upsert_rows(self._connection, FLIGHTS, [_row(flight) for flight in flights], keep=_FIXED)

    def remove(self, flight_ids: Collection[str]) -> None:
        """Hide flights."""
        for ids in in_chunks(flight_ids):
            self._connection.execute(update(FLIGHTS).where(_F.flight_id.in_(ids)).values(removed=True))

    def get(self, flight_id: str) -> FlightRecord:
        """Raises NotFound."""
        row = self._connection.execute(_shown().where(_F.flight_id == flight_id)).one_or_none()
        if row is None:
            raise NotFound(flight_id)
        return _flight(row)

    def taken(self, flight_ids: Collection[str]) -> frozenset[str]:
        """Ids ever given."""
        found: set[str] = set()
        for ids in in_chunks(flight_ids):
            found.update(self._connection.scalars(select(_F.flight_id).where(_F.flight_id.in_(ids))))
        return frozenset(found)

    def newest_number(self, asset_id: str) -> int:
        """Highest number ever given; 0 at first."""
        return self._connection.scalar(select(func.max(_F.number)).where(_F.asset_id == asset_id)) or 0

    def between(self, asset_id: str, from_us: int, to_us: int | None) -> Sequence[FlightRecord]:
        """By take-off, oldest first."""
        query = _shown().where(_F.asset_id == asset_id, _F.takeoff_us >= from_us)
        if to_us is not None:
            query = query.where(_F.takeoff_us < to_us)
        return self._flights(query.order_by(_F.takeoff_us))

    def before(self, asset_id: str, at_us: int, limit: int) -> Sequence[FlightRecord]:
        """By take-off, newest first."""
        query = _shown().where(_F.asset_id == asset_id, _F.takeoff_us <= at_us)
        return self._flights(query.order_by(_F.takeoff_us.desc()).limit(limit))

    def airborne(self) -> Sequence[FlightRecord]:
        """Flights that go on."""
        return self._flights(_shown().where(_F.status == FlightStatus.AIRBORNE.value).order_by(_F.takeoff_us))

    def find(self, which: FlightFilter, limit: int = 100, cursor: str | None = None) -> ResultPage[FlightRecord]:
        """Newest take-off first."""
        rows, next_cursor = newest_first(
            self._connection, _filtered(which), (_F.takeoff_us, _F.flight_id), limit, cursor
        )
        return ResultPage([_flight(row) for row in rows], next_cursor)

    def _flights(self, query: Select[Any]) -> Sequence[FlightRecord]:
        return [_flight(row) for row in self._connection.execute(query)]


_MARKED = ("tenant_id", "asset_id", "from_us", "until_us", "probe_us")


def _shown() -> Select[Any]:
    return select(FLIGHTS).where(_F.removed.is_(False))


def _filtered(which: FlightFilter) -> Select[Any]:
    query = _shown()
    if which.tenant_ids is not None:
        query = query.where(_F.tenant_id.in_(list(which.tenant_ids)))
    if which.asset_id is not None:
        query = query.where(_F.asset_id == which.asset_id)
    if which.from_us is not None:
        query = query.where(_F.takeoff_us >= which.from_us)
    if which.to_us is not None:
        query = query.where(_F.takeoff_us < which.to_us)
    if which.min_duration_s is not None:
        query = query.where(_F.duration_s >= which.min_duration_s)
    if which.status is not None:
        query = query.where(_F.status == which.status)
    return query


def _row(flight: FlightRecord) -> dict[str, Any]:
    return {
        "flight_id": flight.flight_id,
        "tenant_id": flight.tenant_id,
        "asset_id": flight.asset_id,
        "number": flight.number,
        "takeoff_us": flight.detected.takeoff_us,
        "end_us": flight.detected.end_us,
        "duration_s": flight.detected.duration_s,
        "status": flight.detected.status.value,
        "source": flight.source,
        "drone": dict(flight.drone),
        "detected": _DETECTED.dump_python(flight.detected, mode="json"),
        "recorded_us": flight.recorded_us,
        "removed": False,
    }


def _flight(row: Row[Any]) -> FlightRecord:
    return FlightRecord(
        flight_id=row.flight_id,
        asset_id=row.asset_id,
        tenant_id=row.tenant_id,
        number=row.number,
        recorded_us=row.recorded_us,
        detected=_DETECTED.validate_python(row.detected),
        drone=row.drone,
        source=row.source,
    )
