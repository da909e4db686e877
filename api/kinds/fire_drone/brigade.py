"""Who may see the brigade's data; for all others there is nothing here."""

from typing import Annotated, Final

from fastapi import Depends

from api.access import Caller
from api.authentication import Needs, Who
from devices.errors import NotFound
from devices.fire_drone.ports import Flight, FlightBook
from devices.ports.inventory import Asset, Inventory
from devices.ports.registry import Transaction

KIND: Final = "fire_drone"


class _Brigade(Needs):
    def __call__(self, who: Who) -> Caller:
        """Return the caller. Raises NotFound."""
        if not who.may(self.scope):
            raise NotFound
        return who


Brigade = Annotated[Caller, Depends(_Brigade(f"{KIND}:read"))]
"""Annotate a route's parameter with this: the route then answers 404 to everybody else."""


def drone_of(tx: Transaction, who: Caller, drone_id: str) -> Asset:
    """Return a drone that the caller may see. Raises NotFound."""
    asset = tx.get(Inventory).get(drone_id)
    if asset.kind != KIND:
        raise NotFound(drone_id)
    who.must_see(asset.tenant_id, KIND)
    return asset


def flight_of(tx: Transaction, who: Caller, flight_id: str) -> Flight:
    """Return a flight that the caller may see. Raises NotFound."""
    flight = tx.get(FlightBook).get(flight_id)
    who.must_see(flight.tenant_id, KIND)
    return flight
