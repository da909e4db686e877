"""Which connector speaks for which devices, and when."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from application.ports.registry import RegistryTransaction

MOVED: Final = "speaks_for"
"""Topic of changes that tell of assets whose device is reached on other topics from now on."""


@dataclass(frozen=True, slots=True)
class ConnectorMembership:
    """A device (connector) speaks for another of its town in [from_us, until_us); `until_us` None while it lasts.

    It is of devices, not of assets, as a login is: a replaced one gets it anew from who may give logins.
    """

    member_id: str
    member_kind: str
    connector_id: str
    connector_kind: str
    tenant_id: str
    from_us: int
    until_us: int | None = None

    @property
    def connector_user(self) -> str:
        """User name of the connector at the broker."""
        return f"{self.tenant_id}/{self.connector_kind}/{self.connector_id}"


class MembershipRepository(Protocol):
    """Those of one member never overlap, also when two callers try at once; a connector is no connector's member.

    They end with the binding of either device to its asset.
    """

    def begin(self, wanted: Sequence[ConnectorMembership]) -> None:
        """Begin; ends each member's running one then. The pair that runs already stays as it is.

        Raises Conflict when a member would be a connector or its own, or another began later or ended after.
        """

    def end(self, member_ids: Collection[str], at_us: int) -> None:
        """End those that run for these members."""

    def of_members(self, device_ids: Collection[str]) -> Mapping[str, tuple[ConnectorMembership, ...]]:
        """All of each device that had any, oldest first."""

    def running_of(self, connector_id: str) -> Sequence[ConnectorMembership]:
        """Those that run now, in order of member."""

    def connectors(self) -> Mapping[str, int]:
        """User names at the broker of devices that speak for others now, and since when."""

    def unreleased(self, limit: int = 500) -> Sequence[ConnectorMembership]:
        """Those that ended and whose connector was not told; the longest ended first."""

    def mark_released(self, ended: Sequence[ConnectorMembership]) -> None:
        """Record that the broker has it for their connectors."""


def spoken_for(tx: RegistryTransaction, device_ids: Collection[str]) -> frozenset[str]:
    """Those of the devices that a connector speaks for now."""
    found = tx.get(MembershipRepository).of_members(device_ids)
    return frozenset(device for device, all_of_it in found.items() if all_of_it[-1].until_us is None)
