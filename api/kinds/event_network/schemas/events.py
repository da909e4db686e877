"""Events as people send and get them; what was got can be sent back."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, JsonValue, ValidationError

from api.fields import PRINTABLE, Comment, Name, RequestBody
from api.time_parameters import TimeIn, TimeOut
from devices.errors import ValueRefused
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
)
from devices.event_network.enums import BitsPerSecond, LinkMedium, NetworkRole, PartName, ServiceClass
from devices.messages import Id

_Position = Annotated[list[float], Field(min_length=2, max_length=3)]
_Ring = Annotated[list[_Position], Field(min_length=4, max_length=1000)]


class _Polygon(RequestBody):
    type: Literal["Polygon"]
    coordinates: Annotated[list[_Ring], Field(min_length=1, max_length=20)]


def _on_earth(polygon: dict[str, JsonValue]) -> dict[str, JsonValue]:
    try:
        rings = _Polygon.model_validate(polygon).coordinates
    except ValidationError as error:
        raise ValueRefused("event_network.no_polygon") from error
    if any(ring[0] != ring[-1] for ring in rings):
        raise ValueRefused("event_network.open_ring")
    if any(abs(position[0]) > 180 or abs(position[1]) > 90 for ring in rings for position in ring):
        raise ValueRefused("event_network.no_position")
    return polygon


Polygon = Annotated[dict[str, JsonValue], AfterValidator(_on_earth)]
Lat = Annotated[float, Field(ge=-90, le=90)]
Lon = Annotated[float, Field(ge=-180, le=180)]
Positive = Annotated[float, Field(ge=0, le=1e9)]
People = Annotated[int, Field(ge=0, le=100_000_000)]


class EnumText(RequestBody):
    """Words of closed lists come as JSON text."""

    model_config = RequestBody.model_config | {"strict": False}


class PlaceBody(RequestBody):
    """Where; `polygon` is a GeoJSON geometry (longitude, latitude)."""

    name: Annotated[str, Field(max_length=200, pattern=PRINTABLE)] = ""
    polygon: Polygon | None = None


class AreaBody(RequestBody):
    """A part of the place."""

    id: Id
    name: Name
    polygon: Polygon | None = None


class ObjectBody(EnumText):
    """A port, VLAN, SSID or queue of a node. All its traffic also passes `parent_id`, where that is given.

    `down_is`: direction of the interface that leads down to users (an uplink's `in`, an access port's `out`).
    `from`, `to`: when it serves; absent means the whole event.
    """

    id: Id
    device_id: Id
    part: PartName = ""
    parent_id: Id | None = None
    area_id: Id | None = None
    service_class: ServiceClass | None = None
    down_is: DownIs = DownIs.OUT
    role: NetworkRole | None = None
    medium: LinkMedium | None = None
    from_: TimeIn | None = Field(None, alias="from")
    to: TimeIn | None = None
    planned_lat: Lat | None = None
    planned_lon: Lon | None = None


class BookedObjectBody(RequestBody):
    """An object a booking rests on; `from`, `to`: absent means as long as it serves."""

    id: Id
    from_: TimeIn | None = Field(None, alias="from")
    to: TimeIn | None = None


class BookingBody(EnumText):
    """Rates in bit/s for one class, in one area or (without) at the whole event; one booking per area and class."""

    id: Id
    service_class: ServiceClass
    area_id: Id | None = None
    down_bps: BitsPerSecond | None = None
    up_bps: BitsPerSecond | None = None
    kind: BookingKind = BookingKind.BEST_EFFORT
    max_loss_pct: Annotated[float, Field(ge=0, le=100)] | None = None
    max_rtt_ms: Positive | None = None
    max_jitter_ms: Positive | None = None
    availability_target_pct: Annotated[float, Field(ge=0, le=100)] | None = None
    objects: Annotated[list[BookedObjectBody], Field(max_length=500)] = Field(default_factory=list)
    """Empty: all objects of the area and class."""


class EventBody(EnumText):
    """An event as a whole; PUT replaces it. Times are RFC 3339; `time_zone` (IANA) is for display.

    `state`: send `draft`, `confirmed` or `cancelled`; what follows `confirmed` is the schedule's.
    `override_reason`: file it although more is guaranteed than was tested.
    """

    id: Id | None = None
    tenant_id: Id | None = None
    name: Name
    kind: EventKind
    place: PlaceBody = PlaceBody()
    time_zone: Annotated[str, Field(max_length=64)] = "Europe/Berlin"
    setup_from: TimeIn
    service_from: TimeIn
    service_to: TimeIn
    teardown_to: TimeIn
    organiser_ref: Id | None = None
    expected_attendees: People | None = None
    expected_concurrent_users: People | None = None
    areas: Annotated[list[AreaBody], Field(max_length=200)] = Field(default_factory=list)
    objects: Annotated[list[ObjectBody], Field(max_length=500)] = Field(default_factory=list)
    bookings: Annotated[list[BookingBody], Field(max_length=500)] = Field(default_factory=list)
    state: EventState = EventState.DRAFT
    override_reason: Comment | None = None
    created_at: JsonValue = Field(None, description="Ignored, so that what was read can be sent.")
    changed_at: JsonValue = Field(None, description="Ignored.")
    version: JsonValue = Field(None, description="Ignored: If-Match says which version was read.")


class ObjectShown(ObjectBody):
    """A measured object."""

    from_: TimeOut | None = Field(None, alias="from")
    to: TimeOut | None = None


class BookedObjectShown(BookedObjectBody):
    """An object a booking rests on."""

    from_: TimeOut | None = Field(None, alias="from")
    to: TimeOut | None = None


class BookingShown(BookingBody):
    """A booking."""

    objects: list[BookedObjectShown] = Field(default_factory=list)  # type: ignore[assignment]


class EventShown(EventBody):
    """An event; its ETag is its version."""

    id: str
    tenant_id: str
    setup_from: TimeOut
    service_from: TimeOut
    service_to: TimeOut
    teardown_to: TimeOut
    objects: list[ObjectShown] = Field(default_factory=list)  # type: ignore[assignment]
    bookings: list[BookingShown] = Field(default_factory=list)  # type: ignore[assignment]
    created_at: TimeOut
    changed_at: TimeOut
    version: int


def event_of(body: EventBody, event_id: str, tenant_id: str, now_us: int) -> CityEvent:
    """New event as it was sent."""
    return CityEvent(
        event_id=event_id,
        tenant_id=tenant_id,
        name=body.name,
        kind=body.kind,
        time_zone=body.time_zone,
        setup_from_us=body.setup_from,
        service_from_us=body.service_from,
        service_to_us=body.service_to,
        teardown_to_us=body.teardown_to,
        place_name=body.place.name,
        place_polygon=body.place.polygon,
        organiser_ref=body.organiser_ref,
        expected_attendees=body.expected_attendees,
        expected_concurrent_users=body.expected_concurrent_users,
        areas=tuple(EventArea(a.id, a.name, a.polygon) for a in body.areas),
        objects=tuple(map(_object_of, body.objects)),
        bookings=tuple(map(_booking_of, body.bookings)),
        state=body.state,
        override_reason=body.override_reason,
        created_us=now_us,
        changed_us=now_us,
    )


def _object_of(o: ObjectBody) -> MeasuredObject:
    values = o.model_dump(exclude={"id", "device_id", "from_", "to"})
    return MeasuredObject(object_id=o.id, asset_id=o.device_id, from_us=o.from_, until_us=o.to, **values)


def _booking_of(b: BookingBody) -> Booking:
    objects = tuple(BookedObject(o.id, o.from_, o.to) for o in b.objects)
    return Booking(booking_id=b.id, **b.model_dump(exclude={"id", "objects"}), objects=objects)


def event_schema(event: CityEvent) -> EventShown:
    """Show an event."""
    same = ("tenant_id", "name", "kind", "time_zone", "organiser_ref", "expected_attendees")
    times = ("setup_from", "service_from", "service_to", "teardown_to")
    values: dict[str, Any] = {name: getattr(event, name) for name in same}
    values |= {name: getattr(event, f"{name}_us") for name in times}
    return EventShown.model_construct(
        id=event.event_id,
        **values,
        expected_concurrent_users=event.expected_concurrent_users,
        place=PlaceBody.model_construct(name=event.place_name, polygon=_plain(event.place_polygon)),
        areas=[AreaBody.model_construct(id=a.area_id, name=a.name, polygon=_plain(a.polygon)) for a in event.areas],
        objects=[_object_shown(o) for o in event.objects],
        bookings=[_booking_shown(b) for b in event.bookings],
        state=event.state,
        override_reason=event.override_reason,
        created_at=event.created_us,
        changed_at=event.changed_us,
        version=event.version,
    )


def _plain(geometry: Any) -> dict[str, JsonValue] | None:  # noqa: ANN401 - GeoJSON
    return None if geometry is None else dict(geometry)


def _word(name: str, value: Any) -> Any:  # noqa: ANN401 - any field
    """Value of a field, from the closed list where its words have one."""
    words = {"service_class": ServiceClass, "role": NetworkRole, "medium": LinkMedium}.get(name)
    return value if words is None or value is None else words(value)


def _object_shown(o: MeasuredObject) -> ObjectShown:
    same = ("part", "parent_id", "area_id", "service_class", "down_is", "role", "medium", "planned_lat", "planned_lon")
    values = {name: _word(name, getattr(o, name)) for name in same}
    return ObjectShown.model_construct(id=o.object_id, device_id=o.asset_id, from_=o.from_us, to=o.until_us, **values)


def _booking_shown(b: Booking) -> BookingShown:
    same = set(BookingBody.model_fields) - {"id", "objects"}
    objects = [BookedObjectShown.model_construct(id=o.object_id, from_=o.from_us, to=o.until_us) for o in b.objects]
    values = {name: _word(name, getattr(b, name)) for name in same}
    return BookingShown.model_construct(id=b.booking_id, objects=objects, **values)
