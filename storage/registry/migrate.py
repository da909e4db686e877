"""Brings the tables up to date, step by step; knows the steps of kinds too."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, text

from devices.deferred_module import DeferredModule
from devices.errors import ConfigurationError
from storage.registry.kinds import migration_folders

if TYPE_CHECKING:
    from alembic import command, config, util
else:  # Most starts find the tables as they should be.
    command = DeferredModule("alembic.command")
    config = DeferredModule("alembic.config")
    util = DeferredModule("alembic.util")

HERE: Final = Path(__file__).parent / "migrations"
REVISIONS_TABLE: Final = "alembic_version"
_REVISION: Final = re.compile(r'^revision = "(\w+)"$', re.MULTILINE)
_DOWN_REVISION: Final = re.compile(r'^down_revision = "(\w+)"$', re.MULTILINE)
LOCK_ID: Final = 0x6C61_7574_6572_6E00
"""Advisory lock of PostgreSQL while tables are changed."""


def is_current(connection: Connection) -> bool:
    """Tell whether every step was taken. Raises ConfigurationError for a database of a newer Lautern."""
    taken, known = taken_revisions(connection), known_revisions()
    if not taken <= known.keys():
        raise ConfigurationError(f"the registry was made by another Lautern: {', '.join(sorted(taken - known.keys()))}")
    return taken == known.keys() - set(known.values())


def is_begun(connection: Connection) -> bool:
    """Tell whether some step was taken."""
    return bool(taken_revisions(connection))


def taken_revisions(connection: Connection) -> frozenset[str]:
    """The last step that was taken of each branch."""
    if not inspect(connection).has_table(REVISIONS_TABLE):
        return frozenset()
    return frozenset(connection.execute(text(f"SELECT version_num FROM {REVISIONS_TABLE}")).scalars())  # noqa: S608 - a constant


def known_revisions() -> Mapping[str, str | None]:
    """Every step with the one before it, as the files say; what alembic would find."""
    known: dict[str, str | None] = {}
    for path in (path for folder in _folders() for path in folder.glob("*.py")):
        script = path.read_text("utf-8")
        if found := _REVISION.search(script):
            before = _DOWN_REVISION.search(script)
            known[found[1]] = before[1] if before else None
    return known


def unknown_revisions(revisions: Iterable[str]) -> list[str]:
    """Those of the steps that this Lautern does not know: they are of a newer one."""
    return sorted(set(revisions) - known_revisions().keys())


def upgrade_tables(connection: Connection, to: Sequence[str] = ("heads",)) -> None:
    """Take the steps that are missing, within the connection's transaction; alone among all processes."""
    take_time(connection)
    if connection.dialect.name == "postgresql":
        # Another process that takes the steps is waited for; readers of a table are not, as others wait behind us.
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": LOCK_ID})
        connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))
    chosen = _config()
    chosen.attributes["connection"] = connection
    try:
        for revision in to:
            command.upgrade(chosen, revision)
    except util.CommandError as error:
        raise ConfigurationError(f"the registry's tables cannot be changed: {error}") from error


def take_time(connection: Connection) -> None:
    """Let the statements of this transaction take as long as they take."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))


def _config() -> "config.Config":
    made = config.Config()
    made.set_main_option("script_location", _escaped([HERE]))
    made.set_main_option("path_separator", "newline")
    made.set_main_option("version_locations", _escaped(_folders()))
    return made


def _folders() -> list[Path]:
    return [HERE / "versions", *migration_folders()]


def _escaped(paths: Iterable[Path]) -> str:
    return "\n".join(str(path).replace("%", "%%") for path in paths)
