"""The registry for programs: opened, used, closed."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from application.audit.entry import AuditAnchor, AuditEntry
from application.ports.audit import AuditLog
from devices.errors import ConfigurationError, RegistryUnavailable
from runtime import audit_setup
from runtime.secret_sealing import secret_box_of
from runtime.settings import Settings
from storage.audit_files import AnchorFile
from storage.registry.dialects import UNHURRIED, Patience
from storage.registry.engine import SqlRegistry, open_registry


@contextmanager
def registry_of(
    settings: Settings, *, migrate: bool | None = None, recording: bool = False, patience: Patience = UNHURRIED
) -> Iterator[SqlRegistry]:
    """Open the registry for the block; `migrate` None: as the settings say. Raises RegistryUnavailable.

    `recording`: it may append to the audit log, as whoever changes something must. Raises ConfigurationError.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    migrating = settings.registry.migrate if migrate is None else migrate
    if not recording:
        with closing(open_registry(settings.registry_url, migrate=migrating, patience=patience)) as registry:
            yield registry
        return
    key_was_there = settings.audit_key_file.exists()
    signer, box = audit_setup.audit_signer_of(settings), secret_box_of(settings)
    with closing(
        open_registry(settings.registry_url, migrate=migrating, signer=signer, box=box, patience=patience)
    ) as registry:
        try:
            audit_setup.require_own(registry, signer, settings)
        except ConfigurationError:
            if not key_was_there:
                settings.audit_key_file.unlink(missing_ok=True)
            raise
        fresh = _head(registry) is None
        yield registry
        _anchor(registry, audit_setup.anchors_of(settings), fresh=fresh)


def _head(registry: SqlRegistry) -> AuditEntry | None:
    with registry.read() as tx:
        return tx.get(AuditLog).head()


def _anchor(registry: SqlRegistry, anchors: AnchorFile, *, fresh: bool) -> None:
    """Write down where the log ends, as the API does; where anchors are gone that is the API's to find and record."""
    try:
        head = _head(registry)
        if head is not None and (fresh or next(anchors.all(), None) is not None):
            anchors.add(AuditAnchor(head.seq, head.seal.mac, head.at_us or 0))
    except (RegistryUnavailable, OSError):
        return  # The API does it within a second of its start, and says where it cannot.
