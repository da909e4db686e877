"""The registry for programs: opened, used, closed."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from devices.errors import ConfigurationError
from runtime import auditing
from runtime.sealing import secret_box_of
from runtime.settings import Settings
from storage.registry.engine import SqlRegistry, open_registry


@contextmanager
def registry_of(settings: Settings, *, migrate: bool | None = None, recording: bool = False) -> Iterator[SqlRegistry]:
    """Open the registry for the block; `migrate` None: as the settings say. Raises RegistryUnavailable.

    `recording`: it may append to the audit log, as whoever changes something must. Raises ConfigurationError.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    migrating = settings.registry.migrate if migrate is None else migrate
    if not recording:
        with closing(open_registry(settings.registry_url, migrate=migrating)) as registry:
            yield registry
        return
    key_was_there = settings.audit_key_file.exists()
    notary, box = auditing.notary_of(settings), secret_box_of(settings)
    with closing(open_registry(settings.registry_url, migrate=migrating, notary=notary, box=box)) as registry:
        try:
            auditing.require_own(registry, notary, settings)
        except ConfigurationError:
            if not key_was_there:
                settings.audit_key_file.unlink(missing_ok=True)
            raise
        yield registry
