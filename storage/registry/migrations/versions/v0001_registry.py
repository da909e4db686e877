"""Assets and what is known of them now."""

import sqlalchemy as sa
from alembic import op

revision = "registry_0001"
down_revision = None
branch_labels = ("registry",)
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _assets()
    _bindings()
    _unknown_devices()
    _asset_groups()
    _asset_group_members()
    _revisions()
    _desired_configs()
    _latest()
    _rule_states()
    _alarms()
    _api_keys()


def _assets() -> None:
    op.create_table(
        "assets",
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("lat", sa.Double()),
        sa.Column("lon", sa.Double()),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.Column("via", sa.Text()),
        sa.Column("retired_us", sa.BigInteger()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("asset_id", name="pk_assets"),
    )
    op.create_index("ix_assets_kind_asset_id", "assets", ["kind", "asset_id"])
    op.create_index("ix_assets_via", "assets", ["via"])


def _bindings() -> None:
    op.create_table(
        "bindings",
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("from_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until_us", sa.BigInteger()),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name="fk_bindings_asset_id"),
        sa.PrimaryKeyConstraint("asset_id", "device_id", "from_us", name="pk_bindings"),
    )
    op.create_index("ix_bindings_device_id_from_us", "bindings", ["device_id", "from_us"])
    op.create_index(
        "uq_bindings_running_asset",
        "bindings",
        ["asset_id"],
        unique=True,
        sqlite_where=sa.text("until_us IS NULL"),
        postgresql_where=sa.text("until_us IS NULL"),
    )
    op.create_index(
        "uq_bindings_running_device",
        "bindings",
        ["device_id"],
        unique=True,
        sqlite_where=sa.text("until_us IS NULL"),
        postgresql_where=sa.text("until_us IS NULL"),
    )


def _unknown_devices() -> None:
    op.create_table(
        "unknown_devices",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("first_seen_us", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_us", sa.BigInteger(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("info", sa.Text()),
        sa.PrimaryKeyConstraint("device_id", name="pk_unknown_devices"),
    )
    op.create_index("ix_unknown_devices_last_seen_us", "unknown_devices", ["last_seen_us"])


def _asset_groups() -> None:
    op.create_table(
        "asset_groups",
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", name="pk_asset_groups"),
    )


def _asset_group_members() -> None:
    op.create_table(
        "asset_group_members",
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["assets.asset_id"], name="fk_asset_group_members_asset_id"),
        sa.ForeignKeyConstraint(
            ["group_id"], ["asset_groups.group_id"], name="fk_asset_group_members_group_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", "asset_id", name="pk_asset_group_members"),
    )
    op.create_index("ix_asset_group_members_asset_id", "asset_group_members", ["asset_id"])


def _revisions() -> None:
    op.create_table(
        "revisions",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text()),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_revisions"),
    )


def _desired_configs() -> None:
    op.create_table(
        "desired_configs",
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.Column("applied_version", sa.Integer()),
        sa.Column("published_version", sa.Integer()),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("asset_id", name="pk_desired_configs"),
    )
    op.create_index(
        "ix_desired_configs_pending",
        "desired_configs",
        ["changed_us", "asset_id"],
        sqlite_where=sa.text("pending"),
        postgresql_where=sa.text("pending"),
    )


def _latest() -> None:
    op.create_table(
        "latest",
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("ts_us", sa.BigInteger(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("field_values", sa.Text(), nullable=False),
        sa.Column("suspect", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text()),
        sa.PrimaryKeyConstraint("asset_id", "channel", "part", name="pk_latest"),
        sqlite_with_rowid=False,
        postgresql_with={"fillfactor": 50},
    )
    op.create_index("ix_latest_kind_asset_id", "latest", ["kind", "asset_id"])


def _rule_states() -> None:
    op.create_table(
        "rule_states",
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text()),
        sa.Column("states", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("asset_id", name="pk_rule_states"),
        sqlite_with_rowid=False,
        postgresql_with={"fillfactor": 50},
    )


def _alarms() -> None:
    op.create_table(
        "alarms",
        sa.Column("alarm_id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("raised_us", sa.BigInteger(), nullable=False),
        sa.Column("cleared_us", sa.BigInteger()),
        sa.Column("acknowledged_us", sa.BigInteger()),
        sa.Column("acknowledged_by", sa.Text()),
        sa.Column("comment", sa.Text()),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("alarm_id", name="pk_alarms"),
    )
    op.create_index("ix_alarms_asset_id_raised_us", "alarms", ["asset_id", "raised_us"])
    op.create_index(
        "ix_alarms_open_raised",
        "alarms",
        ["raised_us", "alarm_id"],
        sqlite_where=sa.text("cleared_us IS NULL"),
        postgresql_where=sa.text("cleared_us IS NULL"),
    )
    op.create_index("ix_alarms_raised_us_alarm_id", "alarms", ["raised_us", "alarm_id"])
    op.create_index(
        "uq_alarms_open",
        "alarms",
        ["asset_id", "name", "part"],
        unique=True,
        sqlite_where=sa.text("cleared_us IS NULL"),
        postgresql_where=sa.text("cleared_us IS NULL"),
    )


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text()),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger()),
        sa.Column("last_used_us", sa.BigInteger()),
        sa.Column("revoked_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
        sa.UniqueConstraint("prefix", name="uq_api_keys_prefix"),
    )
