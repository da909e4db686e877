"""Alarms can be put aside for a time, and keep what people said."""

import sqlalchemy as sa
from alembic import op

revision = "registry_0008"
down_revision = "registry_0007"
branch_labels = None
depends_on = None

_SHELVED = sa.text("shelved_until_us IS NOT NULL")


def upgrade() -> None:
    """Add columns and index."""
    op.add_column("alarms", sa.Column("shelved_until_us", sa.BigInteger()))
    op.add_column("alarms", sa.Column("shelved_by", sa.Text()))
    op.add_column("alarms", sa.Column("notes", sa.Text(), nullable=False, server_default="[]"))
    op.create_index("ix_alarms_shelved", "alarms", ["asset_id"], sqlite_where=_SHELVED, postgresql_where=_SHELVED)
