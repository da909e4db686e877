"""The number that tells caches that assets, bindings or groups changed."""

from typing import Final

from sqlalchemy import Connection, select

from storage.registry.bulk import BulkUpsert
from storage.registry.tables import REVISIONS

INVENTORY: Final = "inventory"
RAISE: Final = BulkUpsert(REVISIONS, ("subject", "revision"), add={"revision"})


def inventory_revision(connection: Connection) -> int:
    """Revision as of this transaction; 0 at first."""
    query = select(REVISIONS.c.revision).where(REVISIONS.c.subject == INVENTORY)
    return connection.execute(query).scalar_one_or_none() or 0


def raise_inventory_revision(connection: Connection) -> None:
    """Count a change."""
    RAISE.run(connection, [(INVENTORY, 1)])
