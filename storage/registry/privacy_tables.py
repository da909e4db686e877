"""Tables of data protection."""

from sqlalchemy import Column, Integer, Table, Text

from storage.registry.metadata import METADATA, Instant

DELETIONS = Table(
    "deletions",
    METADATA,
    Column("deletion_id", Instant().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at_us", Instant, nullable=False),
    Column("data_class", Text, nullable=False),
    Column("kind", Text),
    Column("tenant_id", Text),
    Column("from_us", Instant),
    Column("to_us", Instant),
    Column("count", Instant, nullable=False),
    sqlite_autoincrement=True,
)
"""Triggers refuse to change or delete a row."""
PSEUDONYMS = Table(
    "pseudonyms",
    METADATA,
    Column("person", Text, primary_key=True),
    Column("pseudonym", Text, nullable=False, unique=True),
    Column("tenant_id", Text),
    Column("made_us", Instant, nullable=False),
)
"""Who is meant by a pseudonym; a row deleted, nobody knows any more."""
