"""Towns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Tenant:
    """A municipality that devices, groups, events and people belong to."""

    tenant_id: str
    name: str
    created_us: int
    version: int = 1


class TenantRepository(Protocol):
    """Towns of the installation."""

    def add(self, tenant: Tenant) -> None:
        """Raises Conflict when the id exists."""

    def get(self, tenant_id: str) -> Tenant:
        """Raises NotFound."""

    def change(self, tenant: Tenant) -> Tenant:
        """Replace the name; returns it with the new version. Raises NotFound, VersionMismatch."""

    def all(self) -> Sequence[Tenant]:
        """In order of id."""
