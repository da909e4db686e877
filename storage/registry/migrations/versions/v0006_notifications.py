"""Notifications: targets, rules, what was told, deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "registry_0006"
down_revision = "registry_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _targets()
    _rules()
    _named_by_rules()
    _memory()
    _deliveries()


def _targets() -> None:
    op.create_table(
        "notification_targets",
        sa.Column("target_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("secret", sa.Text()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("target_id", name="pk_notification_targets"),
    )


def _rules() -> None:
    op.create_table(
        "notification_rules",
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("rule_id", name="pk_notification_rules"),
    )


def _named_by_rules() -> None:
    for table, column, other in (
        ("notification_rule_targets", "target_id", "notification_targets"),
        ("notification_rule_groups", "group_id", "asset_groups"),
    ):
        op.create_table(
            table,
            sa.Column("rule_id", sa.Text(), nullable=False),
            sa.Column(column, sa.Text(), nullable=False),
            sa.Column("tenant_id", sa.Text(), nullable=False),
            _of_rule(table),
            sa.ForeignKeyConstraint([column], [f"{other}.{column}"], name=f"fk_{table}_{column}"),
            sa.PrimaryKeyConstraint("rule_id", column, name=f"pk_{table}"),
        )
        op.create_index(f"ix_{table}_{column}", table, [column])


def _memory() -> None:
    op.create_table(
        "notification_told",
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("alarm_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("first_us", sa.BigInteger(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        _of_rule("notification_told"),
        sa.PrimaryKeyConstraint("rule_id", "alarm_id", name="pk_notification_told"),
    )
    op.create_table(
        "notification_pace",
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("new_us", sa.Text(), nullable=False),
        sa.Column("resolved_us", sa.Text(), nullable=False),
        _of_rule("notification_pace"),
        sa.PrimaryKeyConstraint("rule_id", name="pk_notification_pace"),
    )


def _of_rule(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["rule_id"], ["notification_rules.rule_id"], name=f"fk_{table}_rule_id", ondelete="CASCADE"
    )


def _deliveries() -> None:
    op.create_table(
        "notification_deliveries",
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text()),
        sa.Column("occasion", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text()),
        sa.Column("alarms", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_us", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("final_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("delivery_id", name="pk_notification_deliveries"),
    )
    for name, columns, where in (
        ("ix_notification_deliveries_waiting", ["next_attempt_us", "target_id"], "state = 'queued'"),
        ("ix_notification_deliveries_ended", ["final_us", "delivery_id"], "state <> 'queued'"),
    ):
        condition = sa.text(where)
        op.create_index(name, "notification_deliveries", columns, sqlite_where=condition, postgresql_where=condition)
    op.create_index(
        "ix_notification_deliveries_created_us_delivery_id", "notification_deliveries", ["created_us", "delivery_id"]
    )
