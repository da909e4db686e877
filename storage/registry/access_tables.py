"""The tables of towns and of people. `tenant_id` NULL means the whole installation."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from storage.registry.metadata import METADATA, Instant, Json

TENANTS = Table(
    "tenants",
    METADATA,
    Column("tenant_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_us", Instant, nullable=False),
    Column("version", Integer, nullable=False),
)
USERS = Table(
    "users",
    METADATA,
    Column("user_id", Text, primary_key=True),
    Column("tenant_id", Text),
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("language", Text),
    Column("password_hash", Text),
    Column("subject", Text, unique=True),
    Column("created_us", Instant, nullable=False),
    Column("disabled_us", Instant),
    Column("last_seen_us", Instant),
    Column("version", Integer, nullable=False),
)
GRANTS = Table(
    "grants",
    METADATA,
    Column("user_id", Text, ForeignKey("users.user_id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("role", Text, nullable=False),
    Column("tenant_id", Text),
    Column("limits", Json, nullable=False),
    Index(None, "tenant_id", "user_id"),
)
SESSIONS = Table(
    "sessions",
    METADATA,
    Column("secret_sha256", LargeBinary, primary_key=True),
    Column("user_id", Text, ForeignKey("users.user_id", ondelete="CASCADE"), nullable=False),
    Column("tenant_id", Text),
    Column("created_us", Instant, nullable=False),
    Column("expires_us", Instant, nullable=False),
    Column("last_used_us", Instant, nullable=False),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("proved_by", Text),
    Column("proved_us", Instant),
    Column("challenge", LargeBinary),
    Column("challenge_until_us", Instant),
    Index(None, "user_id", "created_us"),
)
ONE_TIME_LINKS = Table(
    "one_time_links",
    METADATA,
    Column("secret_sha256", LargeBinary, primary_key=True),
    Column("user_id", Text, ForeignKey("users.user_id", ondelete="CASCADE"), nullable=False),
    Column("tenant_id", Text),
    Column("created_us", Instant, nullable=False),
    Column("expires_us", Instant, nullable=False),
    Column("sets_password", Boolean, nullable=False),
    Index(None, "user_id"),
)
SECOND_FACTORS = Table(
    "second_factors",
    METADATA,
    Column("factor_id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("users.user_id", ondelete="CASCADE"), nullable=False),
    Column("tenant_id", Text),
    Column("method", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_us", Instant, nullable=False),
    Column("proof", LargeBinary, nullable=False),
    Column("credential_id", LargeBinary, unique=True),
    Column("counter", Instant, nullable=False),
    Column("confirmed_us", Instant),
    Column("last_used_us", Instant),
    Index(None, "user_id", "created_us"),
)
RECOVERY_CODES = Table(
    "recovery_codes",
    METADATA,
    Column("code_sha256", LargeBinary, primary_key=True),
    Column("user_id", Text, ForeignKey("users.user_id", ondelete="CASCADE"), nullable=False),
    Column("tenant_id", Text),
    Column("created_us", Instant, nullable=False),
    Index(None, "user_id"),
)
SECOND_FACTOR_TRIES = Table(
    "second_factor_tries",
    METADATA,
    Column("user_id", Text, ForeignKey("users.user_id", ondelete="CASCADE"), primary_key=True),
    Column("tenant_id", Text),
    Column("failed", Integer, nullable=False),
    Column("last_us", Instant, nullable=False),
)
"""Failed in a row; on disk, so that neither a restart nor another process begins anew."""
