"""Audit entries as people see them."""

import json
from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel, JsonValue

from api.time_parameters import TimeOut
from application.audit.entry import AuditEntry
from application.audit.verification import AuditFault

HEADER: Final = (
    *("seq", "at", "actor", "name", "tenant_id", "action", "object", "result", "address", "request_id", "detail"),
    "mac",
)


class AuditEntrySchema(BaseModel):
    """Who did what, on what, from where, when, and what came of it."""

    seq: int
    """Its number in the chain; numbers that are missing here are of entries that are not yours."""
    at: TimeOut
    actor: str
    """`user:…`, `key:…`, `machine:…` (command line); empty when nobody proved who they are."""
    name: str
    tenant_id: str | None
    action: str
    object: str
    address: str
    result: str
    request_id: str
    detail: dict[str, JsonValue]
    mac: str
    """HMAC-SHA-256 that ties it to all entries before."""


class FirstBad(BaseModel):
    """The first entry that is not as it was recorded."""

    seq: int
    fault: AuditFault
    code: str
    params: dict[str, JsonValue] = {}
    sentence: str
    """In English; docs/reference/codes.md has what `code` says in German too."""


class AuditVerification(BaseModel):
    """What looking through the whole chain found."""

    ok: bool
    entries: int
    """Good ones, from the first on."""
    last_seq: int
    last_mac: str
    """Note it elsewhere: whoever knows it can tell later that nothing up to here was altered."""
    anchors: int
    """Anchors outside the database that agree."""
    first_bad: FirstBad | None
    checked_at: TimeOut


def audit_entry_schema(entry: AuditEntry) -> AuditEntrySchema:
    """Show an entry that the caller may see."""
    deed = entry.deed
    if deed is None or entry.at_us is None:
        raise ValueError(f"entry {entry.seq} is closed")
    return AuditEntrySchema(
        seq=entry.seq,
        at=entry.at_us,
        actor=deed.actor,
        name=deed.name,
        tenant_id=deed.tenant_id,
        action=deed.action,
        object=deed.object,
        address=deed.address,
        result=deed.result,
        request_id=deed.request_id,
        detail=dict(deed.detail),
        mac=entry.seal.mac,
    )


def audit_entry_cells(entry: AuditEntry) -> Sequence[Any]:
    """Row of a table under `HEADER`."""
    shown = audit_entry_schema(entry).model_dump(mode="json")
    shown["detail"] = json.dumps(shown["detail"], ensure_ascii=False) if shown["detail"] else ""
    return [shown[name] for name in HEADER]
