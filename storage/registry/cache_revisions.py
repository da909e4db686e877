"""Numbers that tell caches that assets, bindings or groups changed, or credentials."""

from typing import Final

from sqlalchemy import Connection, select

from storage.registry.bulk_upserts import BulkUpsert
from storage.registry.tables import REVISIONS

INVENTORY: Final = "inventory"
CREDENTIALS: Final = "credentials"
RAISE: Final = BulkUpsert(REVISIONS, ("subject", "revision"), add={"revision"})


def read_revision(connection: Connection, subject: str) -> int:
    """Revision as of this transaction; 0 at first."""
    query = select(REVISIONS.c.revision).where(REVISIONS.c.subject == subject)
    return connection.execute(query).scalar_one_or_none() or 0


def raise_revision(connection: Connection, subject: str) -> None:
    """Count a change."""
    RAISE.run(connection, [(subject, 1)])


def inventory_revision(connection: Connection) -> int:
    """Revision of assets, bindings and groups."""
    return read_revision(connection, INVENTORY)


def raise_inventory_revision(connection: Connection) -> None:
    """Count a change of assets, bindings or groups."""
    raise_revision(connection, INVENTORY)
