"""Connectors: which device speaks for which others, and when."""

import sqlalchemy as sa
from alembic import op

revision = "registry_0011"
down_revision = "registry_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "speaks_for",
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.Column("from_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until_us", sa.BigInteger()),
        sa.Column("member_kind", sa.Text(), nullable=False),
        sa.Column("connector_id", sa.Text(), nullable=False),
        sa.Column("connector_kind", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("member_id", "from_us", name="pk_speaks_for"),
    )
    op.create_index("ix_speaks_for_connector_id", "speaks_for", ["connector_id"])
    running = sa.text("until_us IS NULL")
    op.create_index(
        "uq_speaks_for_running",
        "speaks_for",
        ["member_id"],
        unique=True,
        sqlite_where=running,
        postgresql_where=running,
    )
    unreleased = sa.text("until_us IS NOT NULL AND NOT released")
    op.create_index(
        "ix_speaks_for_unreleased", "speaks_for", ["until_us"], sqlite_where=unreleased, postgresql_where=unreleased
    )
