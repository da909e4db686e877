"""API keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as stored: prefix, SHA-256 of the secret, scopes (`*` is all but restricted kinds' data)."""

    key_id: str
    prefix: str
    secret_sha256: bytes
    name: str
    tenant_id: str | None
    """None: all tenants."""
    scopes: frozenset[str]
    created_us: int
    expires_us: int | None = None
    last_used_us: int | None = None
    revoked_us: int | None = None
    created_by: str | None = None
    """Actor who answers for it, such as `user:anna`, `machine:root`; None: made before this was noted."""


class ApiKeys(Protocol):
    """Stored keys."""

    def add(self, key: ApiKey) -> None:
        """Store a new key."""

    def by_prefix(self, prefix: str) -> ApiKey | None:
        """The key with this prefix, revoked or not."""

    def all(self) -> Sequence[ApiKey]:
        """In order of creation."""

    def touch(self, key_id: str, at_us: int) -> None:
        """Record its use."""

    def revoke(self, key_id: str, at_us: int) -> None:
        """Raises NotFound."""
