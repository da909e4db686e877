"""The audit log in the registry: appended to and read, never changed; and the anchors that are kept outside of it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from application.audit.entry import AuditAnchor, AuditEntry, AuditEvent
from application.ports.paging import ResultPage


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries; None means all."""

    tenant_ids: Collection[str] | None = None
    """Given, it excludes entries of the whole installation."""
    hidden_subjects: Collection[str] = ()
    """Entries of these are left out: restricted kinds that the reader may not read."""
    actor: str | None = None
    action: str | None = None
    """An action, or `command.` for all that begin so."""
    object: str | None = None
    """An object and what belongs to it: `streetlight/L01` finds `streetlight/L01/alarm/7`."""
    result: str | None = None
    from_us: int | None = None
    to_us: int | None = None
    """Before this."""

    def shows(self, entry: AuditEntry) -> bool:
        """Tell whether the entry is of a tenant and subject that the reader may see."""
        deed = entry.deed
        if deed is None or deed.subject in self.hidden_subjects:
            return False
        return self.tenant_ids is None or deed.tenant_id in self.tenant_ids


EVERY: Final = AuditFilter()


class AuditLog(Protocol):
    """One chain per installation, whatever the number of processes that append to it."""

    def append(self, deed: AuditEvent) -> AuditEntry:
        """Seal and keep a deed in this transaction, as its last step: others that append wait until it ends.

        Raises AuditUnavailable: then the deed must not be done.
        """

    def find(self, which: AuditFilter, limit: int = 100, cursor: str | None = None) -> ResultPage[AuditEntry]:
        """Newest first. Raises Invalid for a foreign cursor."""

    def after(self, seq: int, limit: int = 1000, which: AuditFilter = EVERY) -> Sequence[AuditEntry]:
        """Entries with a higher number, in the order of the chain."""

    def head(self) -> AuditEntry | None:
        """The newest entry; None in an empty chain."""


class AnchorStore(Protocol):
    """Where the chain ended at one time and another; kept where whoever can write the database cannot write."""

    def add(self, anchor: AuditAnchor) -> None:
        """Keep on disk, unless one as far or further is there. Raises OSError."""

    def all(self) -> Iterator[AuditAnchor]:
        """By rising number. Raises OSError."""
