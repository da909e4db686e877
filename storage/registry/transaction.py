"""A transaction that hands out the ports' adapters."""

from collections.abc import Mapping
from typing import TypeVar, cast

from sqlalchemy import Connection

from storage.registry.kinds import Repository

P = TypeVar("P")


class SqlRegistryTransaction:
    """One database transaction; an adapter is made once per transaction, when first asked for."""

    def __init__(self, connection: Connection, repositories: Mapping[type, Repository]) -> None:
        self._connection = connection
        self._repositories = repositories
        self._made: dict[type, object] = {}

    def get(self, port: type[P]) -> P:
        """Return the adapter of a port. Raises KeyError for a type that is no port of ours or of a kind."""
        made = self._made.get(port)
        if made is None:
            made = self._made[port] = self._repositories[port](self._connection)
        return cast("P", made)
