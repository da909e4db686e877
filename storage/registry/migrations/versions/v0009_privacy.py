"""Deletion log, with triggers that refuse to change what is in it; pseudonyms; the audit log can lose names only."""

import sqlalchemy as sa
from alembic import op

revision = "registry_0009"
down_revision = "registry_0008"
branch_labels = None
depends_on = None

REFUSAL = "the deletion log can only be appended to"
AUDIT_REFUSAL = "the audit log can only be appended to"


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


SEALED = (
    *("seq", "at_us", "tenant_id", "action", "subject", "object", "result", "request_id"),
    *("detail", "person", "content", "previous", "mac"),
)
"""Columns of the audit log that never change; actor, name and address give way to a pseudonym, and to nothing else."""


def _sqlite() -> list[str]:
    same = " AND ".join(f"NEW.{column} IS OLD.{column}" for column in SEALED)
    return [
        *(
            f"CREATE TRIGGER deletions_no_{verb.lower()} BEFORE {verb} ON deletions"
            f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            for verb in ("UPDATE", "DELETE")
        ),
        "DROP TRIGGER audit_no_update",
        (
            "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit"
            f" WHEN NOT ({same} AND NEW.actor LIKE 'person:%' AND NEW.name = '' AND NEW.address = '')"
            f" BEGIN SELECT RAISE(ABORT, '{AUDIT_REFUSAL}'); END"
        ),
    ]


def _postgres() -> list[str]:
    refuse = f"BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = '42501'; END"
    on = "BEFORE UPDATE OR DELETE OR TRUNCATE ON deletions FOR EACH STATEMENT EXECUTE FUNCTION deletions_refuse()"
    same = " AND ".join(f"NEW.{column} IS NOT DISTINCT FROM OLD.{column}" for column in SEALED)
    return [
        f"CREATE FUNCTION deletions_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {refuse} $$",
        f"CREATE TRIGGER deletions_append_only {on}",
        "DROP TRIGGER audit_append_only ON audit",
        (
            "CREATE TRIGGER audit_append_only BEFORE DELETE OR TRUNCATE ON audit"
            " FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
        ),
        (
            "CREATE TRIGGER audit_sealed BEFORE UPDATE ON audit FOR EACH ROW"
            f" WHEN (NOT ({same} AND NEW.actor LIKE 'person:%' AND NEW.name = '' AND NEW.address = ''))"
            " EXECUTE FUNCTION audit_refuse()"
        ),
    ]
