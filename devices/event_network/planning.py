"""What a plan must satisfy before it is filed: pure checks, and the one use-case that files it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import available_timezones

from devices.errors import Conflict, Invalid
from devices.event_network.city_event import (
    BookedObject,
    Booking,
    BookingKind,
    CityEvent,
    MeasuredObject,
    TestedCapacity,
)
from devices.event_network.enums import TrafficDirection
from devices.wording.catalogue import CodedText


class Overbooked(Conflict):
    """More is guaranteed over a link than was tested on it; give `override_reason` to file it nevertheless."""

    KIND = "event_network"


@dataclass(frozen=True, slots=True)
class LinkExcess:
    """A link that more is guaranteed over than its last test gave."""

    object_id: str
    direction: TrafficDirection
    guaranteed_bps: int
    tested_bps: int

    def told(self) -> CodedText:
        """What is too much."""
        numbers = {"guaranteed_bps": self.guaranteed_bps, "tested_bps": self.tested_bps}
        return CodedText(
            "event_network.link_excess", {"object": self.object_id, "direction": self.direction, **numbers}
        )


def check_plan(event: CityEvent) -> None:
    """Raise Invalid, naming the field, when the parts of a plan do not fit each other."""
    times = (event.setup_from_us, event.service_from_us, event.service_to_us, event.teardown_to_us)
    if list(times) != sorted(times) or event.service_from_us == event.service_to_us:
        raise Invalid("event_network.times_out_of_order", field="service_from")
    if event.time_zone not in available_timezones():
        raise Invalid("event_network.no_time_zone", zone=event.time_zone, field="time_zone")
    areas = _unique("areas", [a.area_id for a in event.areas])
    objects = _unique("objects", [o.object_id for o in event.objects])
    _unique("objects", [(o.asset_id, o.part) for o in event.objects])
    _unique("bookings", [b.booking_id for b in event.bookings])
    _unique("bookings", [(b.area_id, b.service_class) for b in event.bookings])
    for item in event.objects:
        _known(item.area_id, areas, "objects.area_id")
        _known(item.parent_id, objects, "objects.parent_id")
        if item.from_us is not None and item.until_us is not None and item.from_us >= item.until_us:
            raise Invalid("event_network.object_ends_first", object=item.object_id, field="objects.until")
    for booking in event.bookings:
        _known(booking.area_id, areas, "bookings.area_id")
        for booked in booking.objects:
            _known(booked.object_id, objects, "bookings.objects")
    _no_circle(event.objects)


def _unique(field: str, names: Sequence[object]) -> frozenset[object]:
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise Invalid("event_network.stands_twice", name=twice, field=field)
    return frozenset(names)


def _known(name: str | None, names: Collection[object], field: str) -> None:
    if name is not None and name not in names:
        raise Invalid("event_network.not_part_of_event", name=name, field=field)


def _no_circle(objects: Sequence[MeasuredObject]) -> None:
    parents = {o.object_id: o.parent_id for o in objects}
    for start in parents:
        if len(list(_upwards(start, parents))) > len(parents):
            raise Invalid("event_network.own_parent", object=start, field="objects.parent_id")


def _upwards(start: str, parents: Mapping[str, str | None]) -> Iterator[str]:
    """Yield the object and its ancestors; one more than there are objects when they form a circle."""
    at: str | None = start
    for _ in range(len(parents) + 1):
        if at is None:
            return
        yield at
        at = parents[at]


def link_excesses(event: CityEvent, tests: Collection[TestedCapacity]) -> list[LinkExcess]:
    """Links over which the guaranteed bookings sum to more than was tested.

    A booking loads the links that all its objects are at or below; links without a test are not judged.
    """
    parents = {o.object_id: o.parent_id for o in event.objects}
    loads = [(b, _shared_path(b, event, parents)) for b in event.bookings if b.kind is BookingKind.GUARANTEED]
    tested = {(t.asset_id, t.part, t.direction): t.result_bps for t in tests}
    found = []
    for item in event.objects:
        for direction in TrafficDirection:
            limit = tested.get((item.asset_id, item.part, direction))
            load = sum(rate_of(b, direction) or 0 for b, path in loads if item.object_id in path)
            if limit is not None and load > limit:
                found.append(LinkExcess(item.object_id, direction, load, limit))
    return found


def rate_of(booking: Booking, direction: TrafficDirection) -> int | None:
    """Booked rate in bit/s of one direction."""
    return booking.down_bps if direction is TrafficDirection.DOWN else booking.up_bps


def objects_of(booking: Booking, objects: Sequence[MeasuredObject], at_us: int | None = None) -> list[MeasuredObject]:
    """Objects a booking rests on (at an instant): those it names, else all of its class in its area."""
    if booking.objects:
        named = {b.object_id for b in booking.objects if at_us is None or _within(b, at_us)}
        return [o for o in objects if o.object_id in named]
    of_class = [o for o in objects if o.service_class == booking.service_class]
    return [o for o in of_class if booking.area_id in {None, o.area_id}]


def _within(booked: BookedObject, at_us: int) -> bool:
    begun = booked.from_us is None or booked.from_us <= at_us
    return begun and (booked.until_us is None or at_us < booked.until_us)


def line_names(event: CityEvent, objects: Sequence[MeasuredObject]) -> list[tuple[str | None, str]]:
    """Area and class of each booking, and of what is measured without being booked; in order."""
    booked = {(b.area_id, b.service_class) for b in event.bookings}
    measured = {(o.area_id, o.service_class) for o in objects if o.service_class}
    return sorted(booked | measured, key=lambda n: (n[0] or "", n[1]))


def _shared_path(booking: Booking, event: CityEvent, parents: Mapping[str, str | None]) -> frozenset[str]:
    paths = [frozenset(_upwards(o.object_id, parents)) for o in objects_of(booking, event.objects)]
    return frozenset.intersection(*paths) if paths else frozenset()


def refuse_overbooking(event: CityEvent, tests: Collection[TestedCapacity]) -> None:
    """Raise Overbooked with the numbers, unless the event says why."""
    found = link_excesses(event, tests)
    if found and not event.override_reason:
        raise Overbooked("event_network.links_overbooked", links=[x.told() for x in found], field="bookings")
