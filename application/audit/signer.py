"""Seals entries with a key that the database does not hold."""

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from application.audit.entry import AuditEntry, AuditEvent, AuditSeal

VERSION: Final = 1
"""Of the canonical form: it stands in every content, so that forms can never be mistaken for each other."""


@dataclass(frozen=True, slots=True)
class AuditSigner:
    """HMAC-SHA-256 (RFC 2104) of entries; one key per installation."""

    key: bytes = field(repr=False)
    now_us: Callable[[], int] = field(repr=False)

    def seal(self, previous: AuditEntry | None, deed: AuditEvent) -> AuditEntry:
        """The entry that follows `previous` (None: the first) and says the deed, less what must not be kept."""
        deed = deed.fit
        seq, before = (previous.seq + 1, previous.seal.mac) if previous else (1, "")
        at_us = self.now_us()
        person = self.person(deed)
        content = self.content(at_us, deed, person)
        return AuditEntry(seq, at_us, deed, AuditSeal(person, content, before, self.link(seq, before, content)))

    def person(self, deed: AuditEvent) -> str:
        """Hash of who did it."""
        return self._mac("person", [deed.actor, deed.name, deed.address])

    def content(self, at_us: int | None, deed: AuditEvent, person: str) -> str:
        """Hash of what was done; says nothing to whoever lacks the key, not even by guessing."""
        what = [deed.tenant_id, deed.action, deed.object, deed.result, deed.request_id, dict(deed.detail)]
        return self._mac("content", [VERSION, at_us, person, *what])

    def link(self, seq: int, previous: str, content: str) -> str:
        """Hash that ties an entry to its place."""
        return self._mac("link", [seq, previous, content])

    def says(self, entry: AuditEntry) -> bool:
        """Tell whether the deed is the one that was sealed; a closed entry shows none, a nameless one not whose."""
        if entry.deed is None:
            return True
        person = entry.seal.person if entry.deed.nameless else self.person(entry.deed)
        return person == entry.seal.person and self.content(entry.at_us, entry.deed, person) == entry.seal.content

    def placed(self, entry: AuditEntry, previous: str) -> bool:
        """Tell whether the entry was sealed to follow `previous`."""
        return hmac.compare_digest(self.link(entry.seq, previous, entry.seal.content), entry.seal.mac)

    def _mac(self, what: str, values: list[object]) -> str:
        text = json.dumps([what, *values], sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hmac.digest(self.key, text.encode(), "sha256").hex()
