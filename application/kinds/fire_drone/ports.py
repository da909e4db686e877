"""What the fire brigade's drones ask of the registry: the flight book."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from application.ports.paging import ResultPage
from devices.fire_drone.flights.flight import DetectedFlight


@dataclass(frozen=True, slots=True)
class RecomputeMark:
    """New samples of a drone, accepted and on their way to the store, of which flights are to be computed."""

    asset_id: str
    tenant_id: str
    from_us: int
    until_us: int
    """Earliest and latest time of the samples, both included."""
    probe_us: int
    """Time of the sample accepted last: when it is in the store, the others are."""
    mark_id: int = 0


@dataclass(frozen=True, slots=True)
class FlightRecord:
    """An entry of the flight book."""

    flight_id: str
    asset_id: str
    tenant_id: str
    number: int
    """Runs per drone in order of recording; never reused."""
    recorded_us: int
    """When it was first recorded."""
    detected: DetectedFlight
    drone: Mapping[str, str] = field(default_factory=dict)
    """Name, maker, model, serial, registration, firmware when it was recorded: later edits do not reach it."""
    source: str = "telemetry"


@dataclass(frozen=True, slots=True)
class FlightFilter:
    """Which flights to list; None means all. Take-off in [from_us, to_us)."""

    tenant_ids: Collection[str] | None = None
    asset_id: str | None = None
    from_us: int | None = None
    to_us: int | None = None
    min_duration_s: float | None = None
    status: str | None = None


class FlightBook(Protocol):
    """All flights, and what is still to be computed."""

    def mark(self, marks: Sequence[RecomputeMark]) -> None:
        """Keep; ids are given by the table. Marking the same twice costs time only."""

    def marks(self, limit: int = 5000) -> Sequence[RecomputeMark]:
        """Oldest first."""

    def settle(self, mark_ids: Collection[int]) -> None:
        """Forget marks whose flights are computed."""

    def put(self, flights: Sequence[FlightRecord]) -> None:
        """Insert or replace by id; number, `recorded_us`, `drone` and `source` stay what they were."""

    def remove(self, flight_ids: Collection[str]) -> None:
        """Hide flights that better data showed to be none, or parts of another; their ids and numbers stay taken."""

    def get(self, flight_id: str) -> FlightRecord:
        """Raises NotFound."""

    def taken(self, flight_ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that were ever given."""

    def newest_number(self, asset_id: str) -> int:
        """Highest number given to a flight of the drone, removed ones too; 0 at first."""

    def between(self, asset_id: str, from_us: int, to_us: int | None) -> Sequence[FlightRecord]:
        """A drone's flights by take-off in [from_us, to_us), oldest first; `to_us` None is open."""

    def before(self, asset_id: str, at_us: int, limit: int) -> Sequence[FlightRecord]:
        """A drone's flights by take-off at or before `at_us`, newest first."""

    def airborne(self) -> Sequence[FlightRecord]:
        """Flights that go on."""

    def find(self, which: FlightFilter, limit: int = 100, cursor: str | None = None) -> ResultPage[FlightRecord]:
        """Newest take-off first, then by id: the order is stable."""
