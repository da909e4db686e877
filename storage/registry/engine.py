"""Opens the registry database and its transactions."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Engine, make_url

from application.audit.signer import AuditSigner
from application.ports.audit import AuditLog
from application.ports.notifications import NotificationTargets
from application.ports.retention import RetentionRepository
from application.ports.secret_box import SecretBox
from devices.errors import ConfigurationError
from storage.registry.adapters import ADAPTERS
from storage.registry.audit import SqlAuditLog
from storage.registry.database_errors import registry_errors
from storage.registry.dialects import UNHURRIED, Patience, open_postgres, open_sqlite
from storage.registry.import_registry import make_ready
from storage.registry.kinds import Repository, repositories_of_kinds, retained_of_kinds
from storage.registry.migrate import is_begun, is_current, take_time, upgrade_tables
from storage.registry.notifications import SqlNotificationTargets
from storage.registry.pre_migration_copy import keep_copy
from storage.registry.retention_classes import SqlRetentionRepository
from storage.registry.sealed_targets import in_clear, seal_all
from storage.registry.transaction import SqlRegistryTransaction

POSTGRES: Final = ("postgresql", "postgres", "postgresql+psycopg")


class SqlRegistry:
    """The registry on SQLite or PostgreSQL; thread-safe. Blocks are short and do not nest: SQLite has one writer."""

    def __init__(self, reader: Engine, writer: Engine, repositories: Mapping[type, Repository]) -> None:
        self._reader = reader
        self._writer = writer
        self._repositories = dict(repositories)

    @contextmanager
    def read(self) -> Iterator[SqlRegistryTransaction]:
        """Open a transaction that sees one state and changes nothing. Raises RegistryUnavailable."""
        with registry_errors(), self._reader.connect() as connection, connection.begin():
            yield SqlRegistryTransaction(connection, self._repositories)

    @contextmanager
    def write(self) -> Iterator[SqlRegistryTransaction]:
        """Open a transaction that commits at the end of the block, or rolls back. Raises RegistryUnavailable."""
        with registry_errors(), self._writer.connect() as connection, connection.begin():
            yield SqlRegistryTransaction(connection, self._repositories)

    def migrate(self) -> None:
        """Bring the tables up to date, kinds' tables too; nothing when they are. A SQLite file is copied before."""
        with registry_errors():
            with self._reader.connect() as connection, connection.begin():
                if is_current(connection):
                    return
                begun = is_begun(connection)
            place = self._writer.url
            if begun and place.get_backend_name() == "sqlite" and place.database:
                keep_copy(Path(place.database))
            with self._writer.connect() as connection, connection.begin():
                upgrade_tables(connection)

    def require_current(self) -> None:
        """Raise ConfigurationError unless the tables are up to date."""
        with registry_errors(), self._reader.connect() as connection, connection.begin():
            if not is_current(connection):
                raise ConfigurationError("the registry's tables are not up to date: run `lautern migrate`")

    def seal_secrets(self, box: SecretBox) -> None:
        """Seal what stands in clear since a time before there was a box. Raises RegistryUnavailable."""
        with registry_errors():
            with self._reader.connect() as connection, connection.begin():
                if not in_clear(connection):
                    return
            with self._writer.connect() as connection, connection.begin():
                take_time(connection)
                seal_all(connection, box)

    def make_ready(self) -> None:
        """Let a restored registry go on: `storage.registry.import_registry.make_ready`. Raises RegistryUnavailable."""
        with registry_errors(), self._writer.connect() as connection, connection.begin():
            take_time(connection)
            make_ready(connection)

    def close(self) -> None:
        """Close all connections; none may be in use."""
        self._reader.dispose()
        self._writer.dispose()


def open_registry(
    url: str | URL,
    *,
    migrate: bool = True,
    checkpoints: bool = False,
    signer: AuditSigner | None = None,
    box: SecretBox | None = None,
    patience: Patience = UNHURRIED,
) -> SqlRegistry:
    """Open the registry. Raises RegistryUnavailable, ConfigurationError.

    `checkpoints`: this process moves SQLite's write-ahead log into the file; true in one process only.
    `signer`: seals what this process appends to the audit log; without one it can only read there.
    `box`: seals and opens secrets of webhooks; what stands in clear from before is sealed at once.
    `patience`: with PostgreSQL; SQLite's statements end with their process.
    """
    place = make_url(url)
    if place.get_backend_name() == "sqlite":
        reader, writer = open_sqlite(place, checkpoints=checkpoints)
    elif place.drivername in POSTGRES:
        reader, writer = open_postgres(place, patience)
    else:
        raise ConfigurationError(f"the registry knows sqlite:///… and postgresql://…, not {place.drivername}")
    made_here: Mapping[type, Repository] = {
        AuditLog: partial(SqlAuditLog, signer=signer),
        NotificationTargets: partial(SqlNotificationTargets, box=box),
        RetentionRepository: partial(SqlRetentionRepository, classes=retained_of_kinds()),
    }
    registry = SqlRegistry(reader, writer, {**ADAPTERS, **repositories_of_kinds(), **made_here})
    with ExitStack() as undo:
        undo.callback(registry.close)
        if migrate:
            registry.migrate()
        else:
            registry.require_current()
        if box is not None:
            registry.seal_secrets(box)
        undo.pop_all()
    return registry
