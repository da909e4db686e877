"""Brings the tables up to date, step by step; knows the steps of kinds too."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from devices.errors import ConfigurationError
from storage.registry.kinds import migration_folders

HERE: Final = Path(__file__).parent / "migrations"
LOCK_ID: Final = 0x6C61_7574_6572_6E00
"""Advisory lock of PostgreSQL while tables are changed."""


def is_current(connection: Connection) -> bool:
    """Tell whether every step was taken. Raises ConfigurationError for a database of a newer Lautern."""
    script = ScriptDirectory.from_config(_config())
    taken = set(MigrationContext.configure(connection).get_current_heads())
    known = {revision.revision for revision in script.walk_revisions()}
    if not taken <= known:
        raise ConfigurationError(f"the registry was made by another Lautern: {', '.join(sorted(taken - known))}")
    return taken == set(script.get_heads())


def is_begun(connection: Connection) -> bool:
    """Tell whether some step was taken."""
    return bool(MigrationContext.configure(connection).get_current_heads())


def unknown_revisions(revisions: Iterable[str]) -> list[str]:
    """Those of the steps that this Lautern does not know: they are of a newer one."""
    known = {revision.revision for revision in ScriptDirectory.from_config(_config()).walk_revisions()}
    return sorted(set(revisions) - known)


def upgrade_tables(connection: Connection, to: Sequence[str] = ("heads",)) -> None:
    """Take the steps that are missing, within the connection's transaction; alone among all processes."""
    take_time(connection)
    if connection.dialect.name == "postgresql":
        # Another process that takes the steps is waited for; readers of a table are not, as others wait behind us.
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": LOCK_ID})
        connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))
    config = _config()
    config.attributes["connection"] = connection
    try:
        for revision in to:
            command.upgrade(config, revision)
    except CommandError as error:
        raise ConfigurationError(f"the registry's tables cannot be changed: {error}") from error


def take_time(connection: Connection) -> None:
    """Let the statements of this transaction take as long as they take."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", _escaped([HERE]))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", _escaped([HERE / "versions", *migration_folders()]))
    return config


def _escaped(paths: Iterable[Path]) -> str:
    return "\n".join(str(path).replace("%", "%%") for path in paths)
