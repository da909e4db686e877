"""What is done by the clock, and how it went last."""

import sqlalchemy as sa
from alembic import op

revision = "registry_0014"
down_revision = "registry_0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "job_runs",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text()),
        sa.Column("next_us", sa.BigInteger()),
        sa.Column("began_us", sa.BigInteger()),
        sa.Column("ended_us", sa.BigInteger()),
        sa.Column("fault", sa.Text()),
        sa.Column("done", sa.BigInteger()),
        sa.PrimaryKeyConstraint("job", name="pk_job_runs"),
    )
