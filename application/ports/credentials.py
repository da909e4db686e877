"""What lets a device speak to the broker."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from application.ports.paging import ResultPage


class CredentialType(StrEnum):
    """How a device proves who it is."""

    PASSWORD = "password"  # noqa: S105 - the name of a way, no password
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class DeviceCredential:
    """The one credential of a device. `proof`: what the secret is compared with; never the secret."""

    tenant_id: str
    kind: str
    device_id: str
    way: CredentialType
    proof: str
    """`$7$…` of the password, or the certificate's SHA-256 fingerprint, in hex."""
    created_us: int
    """When the device got its first."""
    issued_us: int
    """When it got this one."""
    issued_by: str
    expires_us: int | None = None
    """End of the certificate."""
    revoked_us: int | None = None

    @property
    def user(self) -> str:
        """User name at the broker."""
        return f"{self.tenant_id}/{self.kind}/{self.device_id}"


class CredentialRepository(Protocol):
    """Stored credentials, one per device."""

    def put(self, credentials: Sequence[DeviceCredential]) -> None:
        """Store; replaces the device's credential and keeps its `created_us`.

        Raises Conflict when a device of this id has a valid one under another tenant or kind.
        """

    def get(self, user: str) -> DeviceCredential:
        """Raises NotFound."""

    def of_devices(self, device_ids: Collection[str]) -> dict[str, DeviceCredential]:
        """By device id, revoked ones too."""

    def valid(self) -> Sequence[DeviceCredential]:
        """All that are not revoked, in order of tenant, kind and device."""

    def revoke(self, user: str, at_us: int) -> None:
        """Revoke; the first time stays. Raises NotFound."""

    def revision(self) -> int:
        """Number that rises with every change; brokers follow it."""


@dataclass(frozen=True, slots=True)
class LoginRefusal:
    """What a broker refused a login, how often."""

    user: str
    """As it was given: it may be nobody's."""
    reason: str
    tenant_id: str | None
    kind: str | None
    detail: str
    """Of the last time: the client id or topic that was wanted."""
    address: str
    first_us: int
    last_us: int
    times: int = 1


class LoginRefusals(Protocol):
    """What brokers refused, one line per user and reason; at most 10,000, the oldest leave first."""

    def note(self, seen: Sequence[LoginRefusal]) -> None:
        """Add to what is known; each user and reason once."""

    def since(self, from_us: int) -> Sequence[LoginRefusal]:
        """Lines with a refusal at or after an instant, in any order."""

    def find(
        self,
        limit: int = 100,
        cursor: str | None = None,
        *,
        tenant_ids: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
    ) -> ResultPage[LoginRefusal]:
        """In order of user and reason; with None also those that are of no tenant or kind."""
