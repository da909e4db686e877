"""The registry's tables. `tenant_id` NULL means the whole installation."""

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from storage.registry.metadata import METADATA, Instant, Json

RUNNING = text("until_us IS NULL")
OPEN_COMMAND = text("is_open")
OPEN_ALARM = text("cleared_us IS NULL")
PENDING = text("pending")
REPLAY = text("replay_requested")
MISSING = text("missing > 0")
ROOM_FOR_UPDATES = {"fillfactor": 50}
"""PostgreSQL then writes a row's next version beside it, without touching the indexes."""

ASSETS = Table(
    "assets",
    METADATA,
    Column("asset_id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_us", Instant, nullable=False),
    Column("lat", Double),
    Column("lon", Double),
    Column("attributes", Json, nullable=False),
    Column("via", Text),
    Column("retired_us", Instant),
    Column("version", Integer, nullable=False),
    Column("search_text", Text, nullable=False),
    Index(None, "kind", "asset_id"),
    Index(None, "via"),
)
BINDINGS = Table(
    "bindings",
    METADATA,
    Column("asset_id", Text, ForeignKey("assets.asset_id"), primary_key=True),
    Column("device_id", Text, primary_key=True),
    Column("from_us", Instant, primary_key=True, autoincrement=False),
    Column("until_us", Instant),
    Column("tenant_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Index(None, "device_id", "from_us"),
    Index("uq_bindings_running_asset", "asset_id", unique=True, sqlite_where=RUNNING, postgresql_where=RUNNING),
    Index("uq_bindings_running_device", "device_id", unique=True, sqlite_where=RUNNING, postgresql_where=RUNNING),
)
UNKNOWN_DEVICES = Table(
    "unknown_devices",
    METADATA,
    Column("device_id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("first_seen_us", Instant, nullable=False),
    Column("last_seen_us", Instant, nullable=False),
    Column("messages", Instant, nullable=False),
    Column("info", Json),
    Index(None, "last_seen_us"),
)
GROUPS = Table(
    "asset_groups",
    METADATA,
    Column("group_id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
)
GROUP_MEMBERS = Table(
    "asset_group_members",
    METADATA,
    Column("group_id", Text, ForeignKey("asset_groups.group_id", ondelete="CASCADE"), primary_key=True),
    Column("asset_id", Text, ForeignKey("assets.asset_id"), primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Index(None, "asset_id"),
)
REVISIONS = Table(
    "revisions",
    METADATA,
    Column("subject", Text, primary_key=True),
    Column("tenant_id", Text),
    Column("revision", Instant, nullable=False),
)
DESIRED_CONFIGS = Table(
    "desired_configs",
    METADATA,
    Column("asset_id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", Json, nullable=False),
    Column("changed_us", Instant, nullable=False),
    Column("applied_version", Integer),
    Column("published_version", Integer),
    Column("pending", Boolean, nullable=False),
    Index("ix_desired_configs_pending", "changed_us", "asset_id", sqlite_where=PENDING, postgresql_where=PENDING),
)
LATEST = Table(
    "latest",
    METADATA,
    Column("asset_id", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("part", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("tenant_id", Text, nullable=False),
    Column("ts_us", Instant, nullable=False),
    Column("received_us", Instant, nullable=False),
    Column("field_values", Json, nullable=False),
    Column("suspect", Boolean, nullable=False),
    Column("status", Text),
    Index(None, "kind", "asset_id"),
    sqlite_with_rowid=False,
    postgresql_with=ROOM_FOR_UPDATES,
)
RULE_STATES = Table(
    "rule_states",
    METADATA,
    Column("asset_id", Text, primary_key=True),
    Column("tenant_id", Text),
    Column("states", Json, nullable=False),
    sqlite_with_rowid=False,
    postgresql_with=ROOM_FOR_UPDATES,
)
ALARMS = Table(
    "alarms",
    METADATA,
    Column("alarm_id", Text, primary_key=True),
    Column("asset_id", Text, nullable=False),
    Column("tenant_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("part", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("since_us", Instant, nullable=False),
    Column("raised_us", Instant, nullable=False),
    Column("cleared_us", Instant),
    Column("acknowledged_us", Instant),
    Column("acknowledged_by", Text),
    Column("comment", Text),
    Column("details", Json, nullable=False),
    Index(
        "uq_alarms_open", "asset_id", "name", "part", unique=True, sqlite_where=OPEN_ALARM, postgresql_where=OPEN_ALARM
    ),
    Index("ix_alarms_open_raised", "raised_us", "alarm_id", sqlite_where=OPEN_ALARM, postgresql_where=OPEN_ALARM),
    Index(None, "raised_us", "alarm_id"),
    Index(None, "asset_id", "raised_us"),
)
COMMANDS = Table(
    "commands",
    METADATA,
    Column("command_id", Text, primary_key=True),
    Column("wire_id", Text, nullable=False),
    Column("tenant_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("asset_id", Text, nullable=False),
    Column("group_id", Text),
    Column("name", Text, nullable=False),
    Column("arguments", Json, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("issued_us", Instant, nullable=False),
    Column("deliver_by_us", Instant, nullable=False),
    Column("start_us", Instant),
    Column("until_us", Instant),
    Column("delivery", Text, nullable=False),
    Column("effect", Text, nullable=False),
    Column("answer", Text),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_us", Instant),
    Column("cancel_requested_us", Instant),
    Column("sent_us", Instant),
    Column("accepted_us", Instant),
    Column("applied_us", Instant),
    Column("final_us", Instant),
    Column("history", Json, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Index("ix_commands_open", "issued_us", "command_id", sqlite_where=OPEN_COMMAND, postgresql_where=OPEN_COMMAND),
    Index("ix_commands_open_asset", "asset_id", sqlite_where=OPEN_COMMAND, postgresql_where=OPEN_COMMAND),
    Index(None, "wire_id", "asset_id"),
    Index(None, "issued_us", "command_id"),
    Index(None, "asset_id", "issued_us", "command_id"),
    Index(None, "group_id", "issued_us", "command_id"),
    Index(None, "delivery", "issued_us", "command_id"),
)
COMMAND_KEYS = Table(
    "command_keys",
    METADATA,
    Column("issuer", Text, primary_key=True),
    Column("idempotency_key", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("request_digest", Text, nullable=False),
    Column("command_ids", Json, nullable=False),
    Column("filed_us", Instant, nullable=False),
    Index(None, "filed_us"),
)
DEAD_LETTERS = Table(
    "dead_letters",
    METADATA,
    Column("letter_id", Text, primary_key=True),
    Column("received_us", Instant, nullable=False),
    Column("topic", LargeBinary, nullable=False),
    Column("payload", LargeBinary),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("tenant_id", Text),
    Column("kind", Text),
    Column("device_id", Text),
    Column("qos", Integer, nullable=False),
    Column("retained", Boolean, nullable=False),
    Column("replayed_us", Instant),
    Column("replay_requested", Boolean, nullable=False),
    Index(None, "received_us", "letter_id"),
    Index(None, "device_id", "received_us"),
    Index("ix_dead_letters_replay", "letter_id", sqlite_where=REPLAY, postgresql_where=REPLAY),
)
LEDGER = Table(
    "ledger",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("unit", Text, primary_key=True),
    Column("counter", Text, primary_key=True),
    Column("tenant_id", Text),
    Column("total", Instant, nullable=False),
)
GAPS = Table(
    "gaps",
    METADATA,
    Column("device_id", Text, primary_key=True),
    Column("boot_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("tenant_id", Text, nullable=False),
    Column("first_seq", Instant, nullable=False),
    Column("last_seq", Instant, nullable=False),
    Column("received", Instant, nullable=False),
    Column("missing", Instant, nullable=False),
    Column("at_us", Instant, nullable=False),
    Index("ix_gaps_missing", "at_us", sqlite_where=MISSING, postgresql_where=MISSING),
    sqlite_with_rowid=False,
)
POSITIONS = Table(
    "positions",
    METADATA,
    Column("cursor_name", Text, primary_key=True),
    Column("tenant_id", Text),
    Column("batch_id", Instant, nullable=False),
)
CHANGES = Table(
    "changes",
    METADATA,
    Column("change_id", Instant().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at_us", Instant, nullable=False),
    Column("tenant_id", Text),
    Column("kind", Text),
    Column("topic", Text, nullable=False),
    Column("data", Json, nullable=False),
    sqlite_autoincrement=True,
)
HEARTBEATS = Table(
    "heartbeats",
    METADATA,
    Column("part", Text, primary_key=True),
    Column("tenant_id", Text),
    Column("at_us", Instant, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("last_success_us", Instant),
    Column("detail", Json, nullable=False),
)
LEASES = Table(
    "leases",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("tenant_id", Text),
    Column("holder", Text),
    Column("fence", Instant, nullable=False),
    Column("expires_us", Instant, nullable=False),
)
API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("key_id", Text, primary_key=True),
    Column("prefix", Text, nullable=False, unique=True),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("tenant_id", Text),
    Column("scopes", Json, nullable=False),
    Column("created_us", Instant, nullable=False),
    Column("expires_us", Instant),
    Column("last_used_us", Instant),
    Column("revoked_us", Instant),
)
