"""Second factors of users, and which sessions have shown one."""

import sqlalchemy as sa
from alembic import op

revision = "registry_0013"
down_revision = "registry_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and columns."""
    op.add_column("sessions", sa.Column("proved_by", sa.Text()))
    op.add_column("sessions", sa.Column("proved_us", sa.BigInteger()))
    op.add_column("sessions", sa.Column("challenge", sa.LargeBinary()))
    op.add_column("sessions", sa.Column("challenge_until_us", sa.BigInteger()))
    op.create_table(
        "second_factors",
        sa.Column("factor_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text()),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary()),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_us", sa.BigInteger()),
        sa.Column("last_used_us", sa.BigInteger()),
        _user("second_factors"),
        sa.PrimaryKeyConstraint("factor_id", name="pk_second_factors"),
        sa.UniqueConstraint("credential_id", name="uq_second_factors_credential_id"),
    )
    op.create_index("ix_second_factors_user_id_created_us", "second_factors", ["user_id", "created_us"])
    op.create_table(
        "recovery_codes",
        sa.Column("code_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text()),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        _user("recovery_codes"),
        sa.PrimaryKeyConstraint("code_sha256", name="pk_recovery_codes"),
    )
    op.create_index("ix_recovery_codes_user_id", "recovery_codes", ["user_id"])
    op.create_table(
        "second_factor_tries",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text()),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        _user("second_factor_tries"),
        sa.PrimaryKeyConstraint("user_id", name="pk_second_factor_tries"),
    )


def _user(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name=f"fk_{table}_user_id", ondelete="CASCADE")
