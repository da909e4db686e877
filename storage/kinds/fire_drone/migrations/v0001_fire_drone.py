"""The flight book."""

import sqlalchemy as sa
from alembic import op

revision = "fire_drone_0001"
down_revision = None
branch_labels = ("fire_drone",)
depends_on = ("registry_0001",)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "drone_flights",
        sa.Column("flight_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("takeoff_us", sa.BigInteger(), nullable=False),
        sa.Column("end_us", sa.BigInteger(), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("drone", sa.Text(), nullable=False),
        sa.Column("detected", sa.Text(), nullable=False),
        sa.Column("recorded_us", sa.BigInteger(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("flight_id", name="pk_drone_flights"),
    )
    op.create_index("ix_drone_flights_asset_id_takeoff_us", "drone_flights", ["asset_id", "takeoff_us"])
    op.create_index("ix_drone_flights_takeoff_us_flight_id", "drone_flights", ["takeoff_us", "flight_id"])
    op.create_index("ix_drone_flights_status", "drone_flights", ["status"])
    op.create_table(
        "drone_flight_marks",
        sa.Column("mark_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("probe_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mark_id", name="pk_drone_flight_marks"),
    )
