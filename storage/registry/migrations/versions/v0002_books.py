"""Commands and the gateway's books."""

import sqlalchemy as sa
from alembic import op

revision = "registry_0002"
down_revision = "registry_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _commands()
    _command_keys()
    _dead_letters()
    _ledger()
    _gaps()
    _positions()
    _changes()
    _heartbeats()
    _leases()


def _commands() -> None:
    op.create_table(
        "commands",
        sa.Column("command_id", sa.Text(), nullable=False),
        sa.Column("wire_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("issued_us", sa.BigInteger(), nullable=False),
        sa.Column("deliver_by_us", sa.BigInteger(), nullable=False),
        sa.Column("start_us", sa.BigInteger()),
        sa.Column("until_us", sa.BigInteger()),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_us", sa.BigInteger()),
        sa.Column("cancel_requested_us", sa.BigInteger()),
        sa.Column("sent_us", sa.BigInteger()),
        sa.Column("accepted_us", sa.BigInteger()),
        sa.Column("applied_us", sa.BigInteger()),
        sa.Column("final_us", sa.BigInteger()),
        sa.Column("history", sa.Text(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("command_id", name="pk_commands"),
    )
    op.create_index("ix_commands_asset_id_issued_us_command_id", "commands", ["asset_id", "issued_us", "command_id"])
    op.create_index("ix_commands_delivery_issued_us_command_id", "commands", ["delivery", "issued_us", "command_id"])
    op.create_index("ix_commands_group_id_issued_us_command_id", "commands", ["group_id", "issued_us", "command_id"])
    op.create_index("ix_commands_issued_us_command_id", "commands", ["issued_us", "command_id"])
    op.create_index(
        "ix_commands_open",
        "commands",
        ["issued_us", "command_id"],
        sqlite_where=sa.text("is_open"),
        postgresql_where=sa.text("is_open"),
    )
    op.create_index(
        "ix_commands_open_asset",
        "commands",
        ["asset_id"],
        sqlite_where=sa.text("is_open"),
        postgresql_where=sa.text("is_open"),
    )
    op.create_index("ix_commands_wire_id_asset_id", "commands", ["wire_id", "asset_id"])


def _command_keys() -> None:
    op.create_table(
        "command_keys",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("request_digest", sa.Text(), nullable=False),
        sa.Column("command_ids", sa.Text(), nullable=False),
        sa.Column("filed_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "idempotency_key", name="pk_command_keys"),
    )
    op.create_index("ix_command_keys_filed_us", "command_keys", ["filed_us"])


def _dead_letters() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("letter_id", sa.Text(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.LargeBinary()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text()),
        sa.Column("kind", sa.Text()),
        sa.Column("device_id", sa.Text()),
        sa.Column("qos", sa.Integer(), nullable=False),
        sa.Column("retained", sa.Boolean(), nullable=False),
        sa.Column("replayed_us", sa.BigInteger()),
        sa.Column("replay_requested", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("letter_id", name="pk_dead_letters"),
    )
    op.create_index("ix_dead_letters_device_id_received_us", "dead_letters", ["device_id", "received_us"])
    op.create_index("ix_dead_letters_received_us_letter_id", "dead_letters", ["received_us", "letter_id"])
    op.create_index(
        "ix_dead_letters_replay",
        "dead_letters",
        ["letter_id"],
        sqlite_where=sa.text("replay_requested"),
        postgresql_where=sa.text("replay_requested"),
    )


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("counter", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text()),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "unit", "counter", name="pk_ledger"),
    )


def _gaps() -> None:
    op.create_table(
        "gaps",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("boot_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("missing", sa.BigInteger(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "boot_id", name="pk_gaps"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_gaps_missing",
        "gaps",
        ["at_us"],
        sqlite_where=sa.text("missing > 0"),
        postgresql_where=sa.text("missing > 0"),
    )


def _positions() -> None:
    op.create_table(
        "positions",
        sa.Column("cursor_name", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text()),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cursor_name", name="pk_positions"),
    )


def _changes() -> None:
    op.create_table(
        "changes",
        sa.Column("change_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("tenant_id", sa.Text()),
        sa.Column("kind", sa.Text()),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("change_id", name="pk_changes"),
        sqlite_autoincrement=True,
    )


def _heartbeats() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text()),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("last_success_us", sa.BigInteger()),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("part", name="pk_heartbeats"),
    )


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text()),
        sa.Column("holder", sa.Text()),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
