"""The audit log: who did what, on what, from where, when, and what came of it."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Header, Query, Request

from api import csv_response
from api.audit_schemas import (
    HEADER,
    AuditEntrySchema,
    AuditVerification,
    FirstBad,
    audit_entry_cells,
    audit_entry_schema,
)
from api.authentication import requires_scope
from api.paging import ItemPage, PageWanted, page_of
from api.problems import TooManyRequests, plain_params, problem_responses
from api.query_admission import Ask
from api.services import Services, Use
from api.time_parameters import TimeIn
from application.access.actor import Actor
from application.audit.chain_reader import read_entries, read_whole_chain
from application.audit.json_lines import MEDIA_TYPE, entry_as_line
from application.audit.verification import AuditFinding, verify_chain
from application.ports.audit import AuditFilter, AuditLog
from application.telemetry.query_budget import QueryBudget
from devices.errors import AuditUnavailable

Reader = Annotated[Actor, requires_scope("audit:read")]
Word = Annotated[str | None, Query(max_length=512, pattern=r"^[^\x00-\x1f\x7f]*$")]
_BLOCK: Final = 32 * 1024
router = APIRouter(prefix="/audit", tags=["audit"])


class AuditFormat(StrEnum):
    """Forms of the list: pages of JSON; all of it as a table; all of it as lines that can be verified elsewhere."""

    JSON = "json"
    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which entries, and in which form."""

    which: AuditFilter
    form: AuditFormat
    is_part: bool


def _wanted(  # noqa: PLR0917
    who: Reader,
    services: Use,
    actor: Annotated[Word, Query(description="Such as `user:anna`, `key:brigade`, `machine:root`.")] = None,
    action: Annotated[Word, Query(description="Such as `command.issue`; `command.` finds all that begin so.")] = None,
    object_: Annotated[Word, Query(alias="object", description="And what belongs to it: `streetlight/L01`.")] = None,
    result: Annotated[Word, Query(description="`ok`, `forbidden`, `unauthenticated`, `limited`, …")] = None,
    from_: Annotated[TimeIn | None, Query(alias="from", description="At or after this.")] = None,
    to: Annotated[TimeIn | None, Query(description="Before this.")] = None,
    form: Annotated[AuditFormat | None, Query(alias="format", description="Or by `Accept`.")] = None,
    accept: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> AuditQuery:
    readable = who.kinds(services.catalog)
    hidden = {k.name for k in services.catalog.values() if k.restricted} - readable
    asked = (actor, action, object_, result, from_, to)
    return AuditQuery(
        AuditFilter(who.tenants(), hidden, *asked), form or _by_accept(accept), any(a is not None for a in asked)
    )


def _by_accept(accept: str | None) -> AuditFormat:
    if csv_response.wants_csv(accept):
        return AuditFormat.CSV
    named = {part.split(";")[0].strip().lower() for part in (accept or "").split(",")}
    return AuditFormat.JSONL if MEDIA_TYPE in named else AuditFormat.JSON


_FORMS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Pages, newest first; as CSV or lines of JSON all of it, oldest first.",
        "content": {"text/csv": {"schema": {"type": "string"}}, MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}


@router.get("", response_model=ItemPage[AuditEntrySchema], responses=_FORMS)
async def list_audit(
    who: Reader,  # noqa: ARG001 - says what the route needs
    services: Use,
    question: Ask,
    page: PageWanted,
    wanted: Annotated[AuditQuery, Depends(_wanted)],
) -> Any:  # noqa: ANN401 - a page or a file
    """List what was done in the town; needs `audit:read`. What concerns a restricted kind is for its readers only.

    `format=jsonl` without a filter is the whole chain, with the seals alone of entries that are not yours: what
    `lautern audit verify FILE` verifies.
    """
    if wanted.form is AuditFormat.CSV:
        return await question.download(
            lambda _: csv_response.csv_download(
                HEADER, map(audit_entry_cells, read_entries(services.registry, wanted.which)), "audit"
            )
        )
    if wanted.form is AuditFormat.JSONL:
        return await question.download(lambda _: _file(services, wanted))

    def found(_: QueryBudget) -> ItemPage[AuditEntrySchema]:
        with services.registry.read() as tx:
            return page_of(tx.get(AuditLog).find(wanted.which, page.limit, page.cursor), audit_entry_schema)

    return await question.answer(found, rows=0)


@router.get("/verify", responses=problem_responses(429))
def verify_audit(request: Request, who: Reader, services: Use) -> AuditVerification:  # noqa: ARG001 - says what the route needs
    """Look through the whole chain, of all towns and kinds; needs `audit:read`. Names the first bad entry.

    One at a time: 429 while another looks.
    """
    verifying = cast("threading.Lock", request.app.state.verifying)
    if not verifying.acquire(blocking=False):
        raise TooManyRequests("verification_runs", retry_after_s=10)
    try:
        return _verified(services)
    finally:
        verifying.release()


def _verified(services: Services) -> AuditVerification:
    if services.signer is None or services.anchors is None:
        raise AuditUnavailable("this process has no key for it")
    try:
        verdict = verify_chain(read_entries(services.registry), services.signer, services.anchors.all(), anchored=True)
    except OSError as error:
        raise AuditUnavailable(f"its anchors cannot be read: {error}") from error
    found, last = verdict.finding, verdict.last
    return AuditVerification(
        ok=found is None,
        entries=verdict.entries,
        last_seq=last.seq if last else 0,
        last_mac=last.seal.mac if last else "",
        anchors=verdict.anchors,
        first_bad=_first_bad(found) if found else None,
        checked_at=services.now_us(),
    )


def _first_bad(found: AuditFinding) -> FirstBad:
    params = plain_params(found.reason)
    return FirstBad(seq=found.seq, fault=found.fault, code=found.reason.code, params=params, sentence=found.sentence)


def _file(services: Services, wanted: AuditQuery) -> csv_response.FileDownload:
    registry, which = services.registry, wanted.which
    found = read_entries(registry, which) if wanted.is_part else read_whole_chain(registry, which.shows)
    headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    return csv_response.start_download(_blocks(entry_as_line(entry) for entry in found), MEDIA_TYPE, headers)


def _blocks(lines: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for text in lines:
        held += text
        if len(held) >= _BLOCK:
            yield bytes(held)
            held.clear()
    yield bytes(held)
