"""The brigade's flight book in the registry."""

from collections.abc import Mapping

from application.kinds.fire_drone.ports import FlightBook
from storage.kinds.fire_drone.flight_book import SqlFlightBook
from storage.kinds.fire_drone.tables import FLIGHTS
from storage.registry.kinds import Repository
from storage.registry.retention_classes import DataClass

REPOSITORIES: Mapping[type, Repository] = {FlightBook: SqlFlightBook}
RETAINED: Mapping[str, DataClass] = {"flights": DataClass(FLIGHTS.c.takeoff_us, FLIGHTS.c.end_us, "fire_drone")}
