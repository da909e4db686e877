"""Events to rows and back."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from enum import StrEnum
from typing import Any

from sqlalchemy import Row

from devices.event_network.city_event import (
    BookedObject,
    Booking,
    BookingKind,
    CityEvent,
    DownIs,
    EventArea,
    EventKind,
    EventState,
    MeasuredObject,
    TestedCapacity,
)

PARTS = frozenset({"areas", "objects", "bookings"})


def event_row(event: CityEvent) -> dict[str, Any]:
    """Row of the event itself."""
    return _plain({f.name: getattr(event, f.name) for f in fields(event) if f.name not in PARTS})


def part_rows(event: CityEvent, parts: Iterable[EventArea | MeasuredObject | Booking]) -> list[dict[str, Any]]:
    """Rows of its areas, objects or bookings, numbered."""
    head = {"event_id": event.event_id, "tenant_id": event.tenant_id}
    return [{**head, "number": number, **_plain(asdict(part))} for number, part in enumerate(parts)]


def event_of(
    row: Row[Any], areas: Iterable[Row[Any]], objects: Iterable[Row[Any]], bookings: Iterable[Row[Any]]
) -> CityEvent:
    """Event of its rows; parts in their order."""
    values = _values(row, CityEvent)
    values |= {"kind": EventKind(row.kind), "state": EventState(row.state)}
    return CityEvent(
        **values,
        areas=tuple(EventArea(**_values(r, EventArea)) for r in areas),
        objects=tuple(MeasuredObject(**{**_values(r, MeasuredObject), "down_is": DownIs(r.down_is)}) for r in objects),
        bookings=tuple(map(_booking, bookings)),
    )


def _booking(row: Row[Any]) -> Booking:
    objects = tuple(BookedObject(**o) for o in row.objects)
    return Booking(**{**_values(row, Booking), "kind": BookingKind(row.kind), "objects": objects})


def test_of(row: Row[Any]) -> TestedCapacity:
    """Capacity test of its row."""
    return TestedCapacity(**_values(row, TestedCapacity))


def _values(row: Row[Any], of: type) -> dict[str, Any]:
    columns = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    return {f.name: columns[f.name] for f in fields(of) if f.name in columns}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Words as plain text: a driver may take an enum for something of its own."""
    return {name: str(value) if isinstance(value, StrEnum) else value for name, value in values.items()}
