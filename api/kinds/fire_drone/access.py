"""Who may see the brigade's data; for all others there is nothing here."""

from typing import Annotated, Final

from fastapi import Depends

from api.authentication import RequiresScope, Who
from application.access.actor import Actor
from application.kinds.fire_drone.ports import FlightBook, FlightRecord
from application.ports.inventory import Asset, AssetRepository
from application.ports.registry import RegistryTransaction
from devices.errors import NotFound

KIND: Final = "fire_drone"


class _Brigade(RequiresScope):
    def __call__(self, who: Who) -> Actor:
        """Return the caller. Raises NotFound."""
        if not who.may(self.scope):
            raise NotFound
        return who


Brigade = Annotated[Actor, Depends(_Brigade(f"{KIND}:read"))]
"""Annotate a route's parameter with this: the route then answers 404 to everybody else."""


def drone_of(tx: RegistryTransaction, who: Actor, drone_id: str) -> Asset:
    """Return a drone that the caller may see. Raises NotFound."""
    asset = tx.get(AssetRepository).get(drone_id)
    if asset.kind != KIND:
        raise NotFound(drone_id)
    who.must_see(asset.tenant_id, KIND)
    return asset


def flight_of(tx: RegistryTransaction, who: Actor, flight_id: str) -> FlightRecord:
    """Return a flight that the caller may see. Raises NotFound."""
    flight = tx.get(FlightBook).get(flight_id)
    who.must_see(flight.tenant_id, KIND)
    return flight
