"""Deletion log, with triggers that refuse to change what is in it; pseudonyms."""

import sqlalchemy as sa
from alembic import op

revision = "registry_0009"
down_revision = "registry_0008"
branch_labels = None
depends_on = None

REFUSAL = "the deletion log can only be appended to"


def upgrade() -> None:
    """Make the tables and triggers."""
    op.create_table(
        "deletions",
        sa.Column("deletion_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("data_class", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text()),
        sa.Column("tenant_id", sa.Text()),
        sa.Column("from_us", sa.BigInteger()),
        sa.Column("to_us", sa.BigInteger()),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("deletion_id", name="pk_deletions"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "pseudonyms",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("pseudonym", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text()),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", name="pk_pseudonyms"),
        sa.UniqueConstraint("pseudonym", name="uq_pseudonyms_pseudonym"),
    )
    for statement in _postgres() if op.get_bind().dialect.name == "postgresql" else _sqlite():
        op.execute(statement)


def _sqlite() -> list[str]:
    return [
        f"CREATE TRIGGER deletions_no_{verb.lower()} BEFORE {verb} ON deletions"
        f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        for verb in ("UPDATE", "DELETE")
    ]


def _postgres() -> list[str]:
    refuse = f"BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = '42501'; END"
    on = "BEFORE UPDATE OR DELETE OR TRUNCATE ON deletions FOR EACH STATEMENT EXECUTE FUNCTION deletions_refuse()"
    return [
        f"CREATE FUNCTION deletions_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {refuse} $$",
        f"CREATE TRIGGER deletions_append_only {on}",
    ]
