"""What the event network asks of the registry."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from application.ports.paging import ResultPage
from devices.event_network.city_event import CityEvent, EventState, TestedCapacity
from devices.event_network.recent_samples import RecentSamples


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to list; None means all. `from_us` and `to_us` select events that overlap [from, to)."""

    tenant_ids: Collection[str] | None = None
    event_ids: Collection[str] | None = None
    states: Collection[EventState] | None = None
    asset_id: str | None = None
    from_us: int | None = None
    to_us: int | None = None


class RecentLinks(Protocol):
    """Newest samples of every link: written by the gateway, read by the live view."""

    def put(self, links: Sequence[RecentSamples]) -> None:
        """Insert or replace by asset and part."""

    def of_assets(self, asset_ids: Collection[str]) -> Sequence[RecentSamples]:
        """All links of the given assets."""


class EventRepository(Protocol):
    """Events with their areas, measured objects and bookings, and the newest capacity tests.

    A node serves one event of a town at a time: filing or confirming an event whose node is taken by another that holds
    (neither draft nor cancelled) in an overlapping time raises Conflict, also when two callers try at once.
    """

    def add(self, event: CityEvent) -> CityEvent:
        """File a new event. Raises Conflict when the id exists or a node is taken."""

    def change(self, event: CityEvent) -> CityEvent:
        """Replace all but the creation; `version` is the one read. Returns it with the next version.

        Raises NotFound, VersionMismatch, Conflict when a node is taken.
        """

    def get(self, event_id: str) -> CityEvent:
        """Raises NotFound."""

    def find(self, which: EventFilter, limit: int = 100, cursor: str | None = None) -> ResultPage[CityEvent]:
        """Events in order of service time, latest first."""

    def remove(self, event_id: str) -> None:
        """Drop a draft. Raises NotFound, Conflict when it is more than a draft."""

    def set_state(self, event_id: str, state: EventState) -> None:
        """Follow the schedule; the version stays. Raises NotFound."""

    def running(self) -> Sequence[CityEvent]:
        """Events that hold and are not closed."""

    def serving(self, asset_ids: Collection[str], at_us: int) -> Mapping[str, CityEvent]:
        """Event that each of the assets serves at an instant, by asset id; events that hold only."""

    def put_tests(self, tests: Sequence[TestedCapacity]) -> None:
        """Keep each unless a newer one of the same object and direction is known."""

    def tests(self, asset_ids: Collection[str]) -> Sequence[TestedCapacity]:
        """Newest tests of the given assets."""
