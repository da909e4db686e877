"""Refused messages with their reason and bytes; replay has the gateway judge one again."""

import base64
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.authentication import requires_scope
from api.fields import ID, RecordInPath
from api.paging import ItemPage, PageWanted, page_of
from api.problems import problem_responses
from api.services import Services, Use
from api.time_parameters import TimeOut
from application.access import authorization
from application.access.actor import Actor
from application.audit.audit_trail import object_name, record_action
from application.ports import dead_letters
from application.ports.dead_letters import DeadLetters
from application.ports.registry import RegistryTransaction
from application.privacy.small_counts import shown_payload
from devices.errors import NotFound

REPLAY: Final = "dead_letters:replay"
Reader = Annotated[Actor, requires_scope("dead_letters:read")]
Replayer = Annotated[Actor, requires_scope(REPLAY, of_kind=True)]
_PREVIEW: Final = 2_000
router = APIRouter(prefix="/dead-letters", tags=["dead letters"])


class DeadLetterSchema(BaseModel):
    """A refused message."""

    id: str
    received_at: TimeOut
    topic: str
    reason: str
    detail: str
    tenant_id: str | None
    kind: str | None
    device_id: str | None
    qos: int
    retained: bool
    size_bytes: int | None
    """Null where the device's daily limit was reached and the bytes were not kept."""
    replayed_at: TimeOut | None


class WholeDeadLetter(DeadLetterSchema):
    """A refused message with its bytes."""

    payload_base64: str | None
    payload_text: str | None
    """Its beginning as text; bytes that are no UTF-8 are replaced."""


@router.get("")
def list_dead_letters(  # noqa: PLR0917
    who: Reader,
    services: Use,
    page: PageWanted,
    kind: Annotated[str | None, Query(max_length=64)] = None,
    device_id: Annotated[str | None, Query(pattern=ID)] = None,
    reason: Annotated[str | None, Query(pattern=r"^[a-z_]{1,40}$")] = None,
) -> ItemPage[DeadLetterSchema]:
    """List refused messages, newest first; those of no known kind only for keys that see all kinds."""
    kinds = authorization.readable_kinds(who, services.catalog, kind)
    with services.registry.read() as tx:
        found = tx.get(DeadLetters).find(
            kinds=None if kind is None and authorization.every_kind(who, services.catalog) else kinds,
            tenant_ids=who.tenants(),
            device_id=device_id,
            reason=reason,
            limit=page.limit,
            cursor=page.cursor,
        )
    return page_of(found, _show)


@router.get("/{letter_id}")
def get_dead_letter(letter_id: RecordInPath, who: Reader, services: Use) -> WholeDeadLetter:
    """Show one refused message with its bytes."""
    with services.registry.read() as tx:
        letter = _find(tx, who, services, letter_id)
    payload = None if letter.payload is None else shown_payload(services.catalog.get(letter.kind or ""), letter.payload)
    return WholeDeadLetter(
        **dict(_show(letter)),
        payload_base64=None if payload is None else base64.b64encode(payload).decode(),
        payload_text=None if payload is None else payload[:_PREVIEW].decode(errors="replace"),
    )


@router.post("/{letter_id}/replay", status_code=202, responses=problem_responses(409))
def replay_dead_letter(letter_id: RecordInPath, who: Replayer, services: Use) -> DeadLetterSchema:
    """Ask the gateway to judge it again, after its cause was mended.

    Needs `dead_letters:replay`, for restricted kinds `{kind}:replay`.
    """
    with services.registry.write() as tx:
        letter = _find(tx, who, services, letter_id)
        who.require_of_kind(REPLAY, letter.kind or "")
        tx.get(DeadLetters).request_replay(letter_id)
        record_action(
            tx,
            who,
            "dead_letter.replay",
            object_name(letter.kind, "dead_letter", letter_id),
            tenant_id=letter.tenant_id,
        )
    return _show(letter)


def _find(tx: RegistryTransaction, who: Actor, services: Services, letter_id: str) -> dead_letters.DeadLetter:
    letter = tx.get(DeadLetters).get(letter_id)
    if who.tenant_id not in {None, letter.tenant_id}:
        raise NotFound
    if letter.kind not in who.kinds(services.catalog) and not authorization.every_kind(who, services.catalog):
        raise NotFound
    return letter


def _show(letter: dead_letters.DeadLetter) -> DeadLetterSchema:
    return DeadLetterSchema(
        id=letter.letter_id,
        received_at=letter.received_us,
        topic=letter.topic.decode(errors="replace"),
        reason=letter.reason,
        detail=letter.detail,
        tenant_id=letter.tenant_id,
        kind=letter.kind,
        device_id=letter.device_id,
        qos=letter.qos,
        retained=letter.retained,
        size_bytes=None if letter.payload is None else len(letter.payload),
        replayed_at=letter.replayed_us,
    )
