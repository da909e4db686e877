"""A chain to alter."""

from dataclasses import replace
from typing import Any

from application.audit.entry import AuditAnchor, AuditEntry, AuditEvent, AuditSeal
from application.audit.signer import AuditSigner

SIGNER = AuditSigner(bytes(range(32)), lambda: 1_790_000_000_123_456)
STRANGER = AuditSigner(bytes(32), lambda: 1_790_000_000_123_456)


def deed(number: int = 1, **values: Any) -> AuditEvent:
    common: dict[str, Any] = {"actor": "user:anna", "name": "Anna", "tenant_id": "kl", "action": "command.issue"}
    return AuditEvent(**common | {"object": f"streetlight/L{number}", "detail": {"level_pct": number}} | values)


def chain_of(length: int, signer: AuditSigner = SIGNER) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    for number in range(1, length + 1):
        entries.append(signer.seal(entries[-1] if entries else None, deed(number)))
    return entries


def anchor(entry: AuditEntry) -> AuditAnchor:
    return AuditAnchor(entry.seq, entry.seal.mac, entry.at_us or 0)


def saying(entry: AuditEntry, **values: Any) -> AuditEntry:
    """The entry with another deed under the same seal."""
    assert entry.deed is not None
    return replace(entry, deed=replace(entry.deed, **values))


def sealed(entry: AuditEntry, **values: Any) -> AuditEntry:
    """The entry with another seal."""
    seal: AuditSeal = replace(entry.seal, **values)
    return replace(entry, seal=seal)
