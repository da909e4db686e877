"""The brigade's flight book in the registry."""

from collections.abc import Mapping

from devices.fire_drone.ports import FlightBook
from storage.kinds.fire_drone.flight_book import SqlFlightBook
from storage.registry.kinds import Repository

REPOSITORIES: Mapping[type, Repository] = {FlightBook: SqlFlightBook}
