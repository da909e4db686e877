"""Tables of notifications."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, text

from storage.registry.metadata import METADATA, Instant, Json

WAITING = text("state = 'queued'")
ENDED = text("state <> 'queued'")

TARGETS = Table(
    "notification_targets",
    METADATA,
    Column("target_id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("secret", Text),
    Column("version", Integer, nullable=False),
)
RULES = Table(
    "notification_rules",
    METADATA,
    Column("rule_id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("body", Json, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
)
RULE_TARGETS = Table(
    "notification_rule_targets",
    METADATA,
    Column("rule_id", Text, ForeignKey("notification_rules.rule_id", ondelete="CASCADE"), primary_key=True),
    Column("target_id", Text, ForeignKey("notification_targets.target_id"), primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Index(None, "target_id"),
)
RULE_GROUPS = Table(
    "notification_rule_groups",
    METADATA,
    Column("rule_id", Text, ForeignKey("notification_rules.rule_id", ondelete="CASCADE"), primary_key=True),
    Column("group_id", Text, ForeignKey("asset_groups.group_id"), primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Index(None, "group_id"),
)
TOLD = Table(
    "notification_told",
    METADATA,
    Column("rule_id", Text, ForeignKey("notification_rules.rule_id", ondelete="CASCADE"), primary_key=True),
    Column("alarm_id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("first_us", Instant, nullable=False),
    Column("last_us", Instant, nullable=False),
    Column("steps", Integer, nullable=False),
)
PACE = Table(
    "notification_pace",
    METADATA,
    Column("rule_id", Text, ForeignKey("notification_rules.rule_id", ondelete="CASCADE"), primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("new_us", Json, nullable=False),
    Column("resolved_us", Json, nullable=False),
)
DELIVERIES = Table(
    "notification_deliveries",
    METADATA,
    Column("delivery_id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("target_id", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("rule_id", Text),
    Column("occasion", Text, nullable=False),
    Column("kind", Text),
    Column("alarms", Integer, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_us", Instant, nullable=False),
    Column("next_attempt_us", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("reason", Text),
    Column("reason_coded", Json),
    Column("final_us", Instant),
    Index(
        "ix_notification_deliveries_waiting",
        "next_attempt_us",
        "target_id",
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    ),
    Index(
        "ix_notification_deliveries_ended",
        "final_us",
        "delivery_id",
        sqlite_where=ENDED,
        postgresql_where=ENDED,
    ),
    Index(None, "created_us", "delivery_id"),
)
