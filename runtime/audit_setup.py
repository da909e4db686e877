"""The audit log's key and anchors as the settings say, and what is done at this machine's command line on record."""

import getpass
import os
import socket
import time

from application.access.actor import Actor, local_operator
from application.audit.signer import AuditSigner
from application.ports.audit import AuditLog
from application.ports.registry import Registry
from devices.errors import ConfigurationError
from devices.kind_catalog import KindCatalog
from runtime.settings import Settings
from storage.audit_files import AnchorFile
from storage.key_files import make_key, read_key


def audit_signer_of(settings: Settings) -> AuditSigner:
    """The one who seals; the key is made at the first use. Raises ConfigurationError."""
    path = settings.audit_key_file
    if not path.exists():
        try:
            make_key(path)
        except OSError as error:
            raise ConfigurationError(f"the key of the audit log: {path}: {error.strerror}") from error
    return AuditSigner(read_key(path), now_us)


def anchors_of(settings: Settings) -> AnchorFile:
    """The anchors."""
    return AnchorFile(settings.audit_anchor_file)


def require_own(registry: Registry, signer: AuditSigner, settings: Settings) -> None:
    """Raise ConfigurationError when the audit log was sealed with another key; one bad entry alone stops nobody."""
    with registry.read() as tx:
        audit = tx.get(AuditLog)
        ends = [*audit.after(0, 1), audit.head()]
    if any(e is not None for e in ends) and not any(e and signer.placed(e, e.seal.previous) for e in ends):
        raise ConfigurationError(
            f"{settings.audit_key_file} is not the key of this registry's audit log: put the right one back, "
            "from a backup or from the other machine (audit.key_file)"
        )


def operator(catalog: KindCatalog) -> Actor:
    """Who runs this program, as who acts at this machine's command line."""
    restricted = frozenset(kind.name for kind in catalog.values() if kind.restricted)
    return local_operator(at_the_machine(), socket.gethostname(), restricted)


def at_the_machine() -> str:
    """Name of whoever runs this program; a number where the system has no name for him."""
    return getpass.getuser() if "USER" in os.environ or "LOGNAME" in os.environ else str(os.getuid())


def now_us() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000
