"""Who is kept out for a time because he said more than his quota allows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class QuotaPause:
    """The newest pause of a login: nobody is let in with it in [since_us, until_us)."""

    tenant_id: str
    kind: str
    device_id: str
    since_us: int
    until_us: int
    times: int
    """Which pause it is in a row; each is longer than the one before."""
    messages: int
    """How many came in the batch that was too much."""
    size: int
    """Of them, in bytes."""

    @property
    def user(self) -> str:
        """User name at the broker."""
        return f"{self.tenant_id}/{self.kind}/{self.device_id}"


class QuotaPauses(Protocol):
    """One line per login that ever was kept out; a line leaves a month after its pause."""

    def put(self, pauses: Sequence[QuotaPause]) -> None:
        """Insert or replace by login."""

    def of_users(self, users: Collection[str]) -> Mapping[str, QuotaPause]:
        """The newest pause of each that had one, also where it is over."""

    def since(self, from_us: int) -> Sequence[QuotaPause]:
        """Pauses that end after an instant, in order of login."""

    def revision(self) -> int:
        """Number that rises with every pause; brokers follow it."""
