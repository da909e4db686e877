"""Assets lent to other towns; lists of one town out of many."""

import sqlalchemy as sa
from alembic import op

revision = "registry_0007"
down_revision = "registry_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and the indexes by town."""
    op.create_table(
        "loans",
        sa.Column("loan_id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name="fk_loans_asset_id"),
        sa.PrimaryKeyConstraint("loan_id", name="pk_loans"),
    )
    op.create_index("ix_loans_asset_id_from_us", "loans", ["asset_id", "from_us"])
    op.create_index("ix_loans_tenant_id_until_us", "loans", ["tenant_id", "until_us"])
    op.create_index("ix_assets_tenant_id_kind_asset_id", "assets", ["tenant_id", "kind", "asset_id"])
    op.create_index("ix_latest_tenant_id_kind_asset_id", "latest", ["tenant_id", "kind", "asset_id"])
    retired = sa.text("retired_us IS NOT NULL")
    op.create_index("ix_assets_retired", "assets", ["asset_id"], sqlite_where=retired, postgresql_where=retired)
