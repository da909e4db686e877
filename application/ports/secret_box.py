"""Secrets that must be read again, and so cannot be hashed: kept sealed with a key that the database does not hold."""

from typing import Protocol

from devices.errors import ConfigurationError


class SecretUnreadable(ConfigurationError):
    """A secret was sealed with another key (secrets.key), or altered: put that key back, or set it anew."""


class SecretBox(Protocol):
    """Seals and opens small secrets. Thread-safe."""

    def seal(self, purpose: str, secret: bytes) -> bytes:
        """Seal for one purpose, such as `totp/anna`; what is sealed for one opens for no other."""

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """What was sealed for the purpose. Raises SecretUnreadable."""
