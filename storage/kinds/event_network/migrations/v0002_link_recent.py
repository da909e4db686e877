"""Newest samples of links."""

import sqlalchemy as sa
from alembic import op

revision = "event_network_0002"
down_revision = "event_network_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "link_recent",
        *(sa.Column(n, sa.Text(), nullable=False) for n in ("asset_id", "part", "tenant_id", "counted", "others")),
        sa.PrimaryKeyConstraint("asset_id", "part", name="pk_link_recent"),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name="fk_link_recent_asset_id"),
    )
