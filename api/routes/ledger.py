"""The ledger: what became of every message, and what never came."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.authentication import requires_scope
from api.fields import ID
from api.paging import ItemPage
from api.services import Use
from api.time_parameters import TimeOut
from application.access import authorization
from application.access.actor import Actor
from application.ports import message_ledger
from application.ports.message_ledger import MessageLedger
from devices.errors import Forbidden

Reader = Annotated[Actor, requires_scope("ledger:read")]
router = APIRouter(prefix="/ledger", tags=["ledger"])


class LedgerLineSchema(BaseModel):
    """Sums of one kind (`-`: none known) and unit; received = all that follows, added up."""

    kind: str
    unit: str
    received: int
    stored: int
    duplicate: int
    conflict: int
    dead_letter: int
    in_journal: int
    lost: int
    """Accepted, and gone with a damaged journal file before they were stored; 0 as long as the disk is honest."""
    balanced: bool


class SequenceGapSchema(BaseModel):
    """Sequence numbers of one device and boot that never came."""

    device_id: str
    kind: str
    tenant_id: str
    boot_id: str
    first_seq: int
    last_seq: int
    received: int
    missing: int
    at: TimeOut


@router.get("")
def get_ledger(who: Reader, services: Use) -> ItemPage[LedgerLineSchema]:
    """Show the sums of the kinds the caller may read; counts the whole installation, so needs a key for all tenants."""
    if who.tenant_id is not None:
        raise Forbidden("ledger_counts_all")
    kinds = who.kinds(services.catalog)
    everything = authorization.every_kind(who, services.catalog)
    with services.registry.read() as tx:
        lines = tx.get(MessageLedger).lines()
    return ItemPage[LedgerLineSchema](items=[_line(line) for line in lines if everything or line.kind in kinds])


@router.get("/gaps")
def list_gaps(
    who: Reader,
    services: Use,
    kind: Annotated[str | None, Query(max_length=64)] = None,
    device_id: Annotated[str | None, Query(pattern=ID)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 500,
) -> ItemPage[SequenceGapSchema]:
    """List devices whose messages are missing, most recent first."""
    kinds = authorization.readable_kinds(who, services.catalog, kind)
    with services.registry.read() as tx:
        gaps = tx.get(MessageLedger).gaps(kinds, device_id, limit, who.tenants())
    return ItemPage[SequenceGapSchema](items=[_gap(g) for g in gaps])


def _line(line: message_ledger.LedgerLine) -> LedgerLineSchema:
    found = line.stored + line.duplicate + line.conflict + line.dead_letter + line.in_journal + line.lost
    return LedgerLineSchema(
        kind=line.kind,
        unit=line.unit,
        received=line.received,
        stored=line.stored,
        duplicate=line.duplicate,
        conflict=line.conflict,
        dead_letter=line.dead_letter,
        in_journal=line.in_journal,
        lost=line.lost,
        balanced=found == line.received,
    )


def _gap(gap: message_ledger.SequenceGap) -> SequenceGapSchema:
    return SequenceGapSchema(
        device_id=gap.device_id,
        kind=gap.kind,
        tenant_id=gap.tenant_id,
        boot_id=gap.boot_id,
        first_seq=gap.first_seq,
        last_seq=gap.last_seq,
        received=gap.received,
        missing=gap.missing,
        at=gap.at_us,
    )
