"""What the audit log holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from application.audit.redaction import redact_text, without_secrets

OK: Final = "ok"
SOMEBODY: Final = "person:"
"""Begins the pseudonym that stands for who is named no more."""
OURSELVES: Final = "lautern:"
"""Begins the actor of what the program does by itself."""
NAMES_OUT: Final = "privacy.names"
"""Action: names were taken out of all entries before `detail.before_us`."""
ERASED: Final = "user.erase"
"""Action: a person was taken out of all entries; `detail.pseudonym` stands there."""
ANCHORS_LOST: Final = "audit.anchors_lost"
"""Action: the anchors were gone, and began anew; `detail.entries` is where the chain ended then."""
LONGEST: Final = 256
LONGEST_OBJECT: Final = 512


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """What somebody did or tried.

    `object` begins with what it is of: the kind for all that belongs to one (`streetlight/L01`,
    `fire_drone/flight/17`), else a word of its own (`user/anna`). A restricted kind's entries are for its readers only.
    """

    actor: str
    """`user:anna`, `key:brigade`, `machine:root`; empty when nobody proved who they are."""
    name: str
    tenant_id: str | None
    action: str
    object: str
    address: str = ""
    """Network address that the request came from."""
    result: str = OK
    request_id: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fit(self) -> "AuditEvent":
        """The same as it may be kept: no secrets, no control characters, bounded."""
        return AuditEvent(
            actor=redact_text(self.actor, LONGEST),
            name=redact_text(self.name, LONGEST),
            tenant_id=self.tenant_id,
            action=redact_text(self.action, LONGEST),
            object=redact_text(self.object, LONGEST_OBJECT),
            address=redact_text(self.address, LONGEST),
            result=redact_text(self.result, LONGEST),
            request_id=redact_text(self.request_id, LONGEST),
            detail=without_secrets(self.detail),
        )

    @property
    def nameless(self) -> bool:
        """Whether who did it was taken out; the rest is proved all the same."""
        return self.actor.startswith(SOMEBODY) and not self.name and not self.address

    @property
    def subject(self) -> str:
        """What the object is of."""
        return self.object.partition("/")[0]


@dataclass(frozen=True, slots=True)
class AuditSeal:
    """What ties an entry to all before it; HMAC-SHA-256 in hex, made with a key that the database does not hold."""

    person: str
    """Of actor, name and address: what is personal could be taken out of an entry, and the rest still be proved."""
    content: str
    """Of all the rest and `person`."""
    previous: str
    """`mac` of the entry before; empty for the first."""
    mac: str
    """Of number, `previous` and `content`."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry; without deed and time it is only its seal, for whoever may not read it and yet verifies the chain."""

    seq: int
    """1, 2, 3… without gaps."""
    at_us: int | None
    deed: AuditEvent | None
    seal: AuditSeal

    @property
    def explains(self) -> bool:
        """Whether it says that names were taken out, and so is for everybody who verifies."""
        return self.deed is not None and self.deed.action in {NAMES_OUT, ERASED}

    @property
    def closed(self) -> "AuditEntry":
        """Only the seal of it."""
        return AuditEntry(self.seq, None, None, self.seal)


@dataclass(frozen=True, slots=True)
class AuditAnchor:
    """That the chain once ended with this entry; kept outside the database, so that a cut tail is found."""

    seq: int
    mac: str
    at_us: int
