"""Entries as lines of JSON, the form in which a chain leaves the installation and is verified elsewhere."""

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from application.audit.entry import AuditAnchor, AuditEntry, AuditEvent, AuditSeal
from devices.errors import Invalid
from devices.time_us import from_rfc3339, rfc3339

MEDIA_TYPE: Final = "application/jsonl"
LONGEST_LINE: Final = 64 * 1024
_STRICT: Final = ConfigDict(extra="forbid", strict=True)


class _Closed(BaseModel):
    model_config = _STRICT
    seq: int
    content: str
    previous: str
    mac: str


class _Open(_Closed):
    at: str
    actor: str
    name: str
    tenant_id: str | None
    action: str
    object: str
    address: str
    result: str
    request_id: str
    detail: dict[str, JsonValue]
    person: str


class _Anchor(BaseModel):
    model_config = _STRICT
    seq: int
    mac: str
    at: str


def entry_as_json(entry: AuditEntry) -> dict[str, Any]:
    """An entry as a JSON object; a closed one has its number and hashes only."""
    seal = {"content": entry.seal.content, "previous": entry.seal.previous, "mac": entry.seal.mac}
    if entry.deed is None or entry.at_us is None:
        return {"seq": entry.seq, **seal}
    deed = entry.deed
    return {
        "seq": entry.seq,
        "at": rfc3339(entry.at_us),
        "actor": deed.actor,
        "name": deed.name,
        "tenant_id": deed.tenant_id,
        "action": deed.action,
        "object": deed.object,
        "address": deed.address,
        "result": deed.result,
        "request_id": deed.request_id,
        "detail": dict(deed.detail),
        "person": entry.seal.person,
        **seal,
    }


def entry_as_line(entry: AuditEntry) -> bytes:
    """An entry as a line with its end."""
    return _line(entry_as_json(entry))


def parse_entry(text: bytes, number: int) -> AuditEntry:
    """The entry of a line. Raises Invalid, naming the line."""
    values = _object(text, number)
    try:
        if "action" not in values:
            closed = _Closed.model_validate(values)
            return AuditEntry(closed.seq, None, None, AuditSeal("", closed.content, closed.previous, closed.mac))
        found = _Open.model_validate(values)
        at_us = from_rfc3339(found.at)
    except (ValidationError, ValueError) as error:
        raise Invalid("audit_line_unfit", line=number, why=_first(error)) from error
    deed = AuditEvent(
        actor=found.actor,
        name=found.name,
        tenant_id=found.tenant_id,
        action=found.action,
        object=found.object,
        address=found.address,
        result=found.result,
        request_id=found.request_id,
        detail=found.detail,
    )
    return AuditEntry(found.seq, at_us, deed, AuditSeal(found.person, found.content, found.previous, found.mac))


def anchor_line(anchor: AuditAnchor) -> bytes:
    """An anchor as a line with its end."""
    return _line({"seq": anchor.seq, "mac": anchor.mac, "at": rfc3339(anchor.at_us)})


def parsed_anchor(text: bytes) -> AuditAnchor | None:
    """The anchor of a line; None for one that is none, as the last one torn by a power cut."""
    try:
        found = _Anchor.model_validate(_object(text, 0))
        return AuditAnchor(found.seq, found.mac, from_rfc3339(found.at))
    except (Invalid, ValueError):
        return None


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _object(text: bytes, number: int) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise Invalid("audit_line_no_json", line=number) from error
    if not isinstance(values, dict):
        raise Invalid("audit_line_no_object", line=number)
    return values


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
    return str(error)
