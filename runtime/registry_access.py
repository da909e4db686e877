"""The registry for programs of the command line: opened, used, closed."""

from collections.abc import Iterator
from contextlib import contextmanager

from runtime.settings import Settings
from storage.registry.engine import SqlRegistry, open_registry


@contextmanager
def registry_of(settings: Settings, *, migrate: bool | None = None) -> Iterator[SqlRegistry]:
    """Open the registry for the block; `migrate` None: as the settings say. Raises RegistryUnavailable."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    migrating = settings.registry.migrate if migrate is None else migrate
    registry = open_registry(settings.registry_url, migrate=migrating)
    try:
        yield registry
    finally:
        registry.close()
