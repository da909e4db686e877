"""The registry database: transactions that hand out the other ports."""

from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

P = TypeVar("P")


class RegistryTransaction(Protocol):
    """A database transaction; the ports it hands out read and write within it."""

    def get(self, port: type[P]) -> P:
        """Return the adapter of a port of `application.ports` or of a kind's own ports module."""


class Registry(Protocol):
    """Thread-safe. Both methods raise RegistryUnavailable when the database cannot be reached or is locked too long."""

    def read(self) -> AbstractContextManager[RegistryTransaction]:
        """Open a transaction that sees one state and changes nothing."""

    def write(self) -> AbstractContextManager[RegistryTransaction]:
        """Open a transaction that commits at the end of the block and rolls back on an exception."""
