"""Events, their areas, measured objects and bookings; capacity tests."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "event_network_0001"
down_revision = None
branch_labels = ("event_network",)
depends_on = ("registry_0001",)

TEXT, BIG, WHOLE = sa.Text(), sa.BigInteger(), sa.Integer()
REAL: sa.Double[float] = sa.Double()


def upgrade() -> None:
    """Make the tables."""
    _events()
    _areas()
    _objects()
    _bookings()
    _tests()


def _of_event(table: str) -> list[sa.Column[Any] | sa.ForeignKeyConstraint]:
    name = f"fk_{table}_event_id"
    return [
        sa.Column("event_id", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["city_events.event_id"], name=name, ondelete="CASCADE"),
        sa.Column("tenant_id", TEXT, nullable=False),
        sa.Column("number", WHOLE, nullable=False),
    ]


def _events() -> None:
    op.create_table(
        "city_events",
        sa.Column("event_id", TEXT, nullable=False),
        *(sa.Column(n, TEXT, nullable=False) for n in ("tenant_id", "name", "kind", "state", "time_zone")),
        *(
            sa.Column(n, BIG, nullable=False)
            for n in ("setup_from_us", "service_from_us", "service_to_us", "teardown_to_us")
        ),
        sa.Column("place_name", TEXT, nullable=False),
        sa.Column("place_polygon", TEXT),
        sa.Column("organiser_ref", TEXT),
        sa.Column("expected_attendees", BIG),
        sa.Column("expected_concurrent_users", BIG),
        sa.Column("override_reason", TEXT),
        sa.Column("created_us", BIG, nullable=False),
        sa.Column("changed_us", BIG, nullable=False),
        sa.Column("version", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_city_events"),
    )
    op.create_index("ix_city_events_service_from_us_event_id", "city_events", ["service_from_us", "event_id"])
    op.create_index("ix_city_events_state", "city_events", ["state"])


def _areas() -> None:
    op.create_table(
        "city_event_areas",
        *_of_event("city_event_areas"),
        sa.Column("area_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("polygon", TEXT),
        sa.PrimaryKeyConstraint("event_id", "area_id", name="pk_city_event_areas"),
    )


def _objects() -> None:
    op.create_table(
        "city_event_objects",
        *_of_event("city_event_objects"),
        *(sa.Column(n, TEXT, nullable=False) for n in ("object_id", "asset_id", "part", "down_is")),
        *(sa.Column(n, TEXT) for n in ("parent_id", "area_id", "service_class", "role", "medium")),
        sa.Column("from_us", BIG),
        sa.Column("until_us", BIG),
        sa.Column("planned_lat", REAL),
        sa.Column("planned_lon", REAL),
        sa.PrimaryKeyConstraint("event_id", "object_id", name="pk_city_event_objects"),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name="fk_city_event_objects_asset_id"),
    )
    op.create_index("ix_city_event_objects_asset_id", "city_event_objects", ["asset_id"])


def _bookings() -> None:
    op.create_table(
        "city_event_bookings",
        *_of_event("city_event_bookings"),
        *(sa.Column(n, TEXT, nullable=False) for n in ("booking_id", "service_class", "kind", "objects")),
        sa.Column("area_id", TEXT),
        sa.Column("down_bps", BIG),
        sa.Column("up_bps", BIG),
        *(sa.Column(n, REAL) for n in ("max_loss_pct", "max_rtt_ms", "max_jitter_ms", "availability_target_pct")),
        sa.PrimaryKeyConstraint("event_id", "booking_id", name="pk_city_event_bookings"),
    )


def _tests() -> None:
    op.create_table(
        "capacity_tests",
        *(sa.Column(n, TEXT, nullable=False) for n in ("asset_id", "part", "direction", "tenant_id", "method")),
        sa.Column("at_us", BIG, nullable=False),
        sa.Column("result_bps", BIG, nullable=False),
        sa.PrimaryKeyConstraint("asset_id", "part", "direction", name="pk_capacity_tests"),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name="fk_capacity_tests_asset_id"),
    )
