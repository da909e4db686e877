"""Why a message did not arrive, by code."""

import sqlalchemy as sa
from alembic import op

revision = "registry_0015"
down_revision = "registry_0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Reasons from before have no code."""
    op.add_column("notification_deliveries", sa.Column("reason_coded", sa.Text()))
