"""Reads the chain page by page: nobody waits for it, and it is never in memory as a whole."""

from collections.abc import Callable, Iterator

from application.audit.entry import AuditEntry
from application.ports.audit import EVERY, AuditFilter, AuditLog
from application.ports.registry import Registry

_AT_ONCE = 1000


def read_entries(registry: Registry, which: AuditFilter = EVERY) -> Iterator[AuditEntry]:
    """Entries in the order of the chain, up to the newest. Raises RegistryUnavailable."""
    seq = 0
    while True:
        with registry.read() as tx:
            page = tx.get(AuditLog).after(seq, _AT_ONCE, which)
        yield from page
        if len(page) < _AT_ONCE:
            return
        seq = page[-1].seq


def read_whole_chain(registry: Registry, shows: Callable[[AuditEntry], bool]) -> Iterator[AuditEntry]:
    """The whole chain, closed where `shows` says no: it can be verified, and tells its reader nothing more."""
    for entry in read_entries(registry):
        yield entry if entry.explains or shows(entry) else entry.closed
