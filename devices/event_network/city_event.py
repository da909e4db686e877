"""An event of the town: when and where, which nodes serve it, what was booked."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final


class EventKind(StrEnum):
    """What takes place."""

    FAIR = "fair"
    FESTIVAL = "festival"
    MARKET = "market"
    SPORT = "sport"
    EMERGENCY = "emergency"


class EventState(StrEnum):
    """From plan to past. A person confirms and cancels; the rest follows the schedule."""

    DRAFT = "draft"
    CONFIRMED = "confirmed"
    SETUP = "setup"
    LIVE = "live"
    TEARDOWN = "teardown"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class BookingKind(StrEnum):
    """Promise or hope."""

    GUARANTEED = "guaranteed"
    BEST_EFFORT = "best_effort"


class DownIs(StrEnum):
    """Which direction of the interface carries traffic down to users: an uplink's `in`, an access port's `out`."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class EventArea:
    """A part of the place: stage, market, car park. `polygon` is GeoJSON."""

    area_id: str
    name: str
    polygon: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class MeasuredObject:
    """A port, VLAN, SSID or queue of a node that serves the event from–to.

    All traffic of an object also passes its parent, so that a bit counts once: what is left of a parent without its
    children is the parent's own.
    """

    object_id: str
    asset_id: str
    part: str
    parent_id: str | None = None
    area_id: str | None = None
    service_class: str | None = None
    down_is: DownIs = DownIs.OUT
    role: str | None = None
    medium: str | None = None
    from_us: int | None = None
    """None: from the event's set-up on."""
    until_us: int | None = None
    """None: to the end of tear-down."""
    planned_lat: float | None = None
    planned_lon: float | None = None


@dataclass(frozen=True, slots=True)
class BookedObject:
    """A measured object that a booking rests on from–to (None: as long as the object serves)."""

    object_id: str
    from_us: int | None = None
    until_us: int | None = None


@dataclass(frozen=True, slots=True)
class Booking:
    """Rates booked for one service class, in one area or (area None) at the whole event, with targets."""

    booking_id: str
    service_class: str
    area_id: str | None = None
    down_bps: int | None = None
    up_bps: int | None = None
    kind: BookingKind = BookingKind.BEST_EFFORT
    max_loss_pct: float | None = None
    max_rtt_ms: float | None = None
    max_jitter_ms: float | None = None
    availability_target_pct: float | None = None
    objects: tuple[BookedObject, ...] = ()
    """Empty: all objects of the area and class."""


@dataclass(frozen=True, slots=True)
class CityEvent:
    """One edition of an event. Changing it makes a new version; the state that follows the schedule does not."""

    event_id: str
    tenant_id: str
    name: str
    kind: EventKind
    time_zone: str
    """IANA name, for display."""
    setup_from_us: int
    service_from_us: int
    service_to_us: int
    teardown_to_us: int
    place_name: str = ""
    place_polygon: Mapping[str, Any] | None = None
    organiser_ref: str | None = None
    """Pseudonym, no name."""
    expected_attendees: int | None = None
    expected_concurrent_users: int | None = None
    areas: tuple[EventArea, ...] = ()
    objects: tuple[MeasuredObject, ...] = ()
    bookings: tuple[Booking, ...] = ()
    state: EventState = EventState.DRAFT
    override_reason: str | None = None
    """Why more is guaranteed than was tested."""
    created_us: int = 0
    changed_us: int = 0
    version: int = 1

    def in_service(self, now_us: int) -> bool:
        """Tell whether bookings hold now: between doors open and end, unless draft or cancelled."""
        return self.holds and self.service_from_us <= now_us < self.service_to_us

    @property
    def holds(self) -> bool:
        """True for what occupies nodes and counts: neither a draft nor cancelled."""
        return self.state not in {EventState.DRAFT, EventState.CANCELLED}

    def serving(self, now_us: int) -> tuple[MeasuredObject, ...]:
        """Objects that serve the event at an instant."""
        return tuple(o for o in self.objects if self.span(o)[0] <= now_us < self.span(o)[1])

    def span(self, item: MeasuredObject) -> tuple[int, int]:
        """[from, until) in which an object serves."""
        return (
            self.setup_from_us if item.from_us is None else item.from_us,
            self.teardown_to_us if item.until_us is None else item.until_us,
        )


@dataclass(frozen=True, slots=True)
class TestedCapacity:
    """Newest capacity test of one measured object in one of the users' directions."""

    __test__ = False  # pytest would take it for a test

    asset_id: str
    part: str
    direction: str
    """`down` or `up`."""
    tenant_id: str
    at_us: int
    result_bps: int
    method: str


_ORDER: Final = (
    (EventState.SETUP, "setup_from_us"),
    (EventState.LIVE, "service_from_us"),
    (EventState.TEARDOWN, "service_to_us"),
    (EventState.CLOSED, "teardown_to_us"),
)


def state_due(event: CityEvent, now_us: int) -> EventState:
    """State by the schedule; drafts and cancelled events stay what they are."""
    if not event.holds:
        return event.state
    due = EventState.CONFIRMED
    for state, instant in _ORDER:
        if now_us >= getattr(event, instant):
            due = state
    return due
