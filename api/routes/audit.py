"""The audit log: who did what, on what, from where, when, and what came of it."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Header, Query, Request

from api import tables
from api.access import Caller
from api.audit_shown import HEADER, Entry, FirstBad, Verified, cells, show
from api.authentication import needs
from api.paging import Items, PageWanted, page_of
from api.problems import TooManyRequests, responses
from api.queries import Ask
from api.services import Services, Use
from api.times import TimeIn
from devices.audit.lines import MEDIA_TYPE, line
from devices.audit.reading import entries, whole
from devices.audit.verifying import verify
from devices.errors import AuditUnavailable
from devices.ports.audit import Audit, AuditFilter
from devices.query_budget import QueryBudget

Reader = Annotated[Caller, needs("audit:read")]
Word = Annotated[str | None, Query(max_length=512, pattern=r"^[^\x00-\x1f\x7f]*$")]
_BLOCK: Final = 32 * 1024
router = APIRouter(prefix="/audit", tags=["audit"])


class Format(StrEnum):
    """Forms of the list: pages of JSON; all of it as a table; all of it as lines that can be verified elsewhere."""

    JSON = "json"
    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries, and in which form."""

    which: AuditFilter
    form: Format
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
    form: Annotated[Format | None, Query(alias="format", description="Or by `Accept`.")] = None,
    accept: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Wanted:
    readable = who.kinds(services.catalog)
    hidden = {k.name for k in services.catalog.values() if k.restricted} - readable
    asked = (actor, action, object_, result, from_, to)
    return Wanted(
        AuditFilter(who.tenants(), hidden, *asked), form or _by_accept(accept), any(a is not None for a in asked)
    )


def _by_accept(accept: str | None) -> Format:
    if tables.wants_csv(accept):
        return Format.CSV
    named = {part.split(";")[0].strip().lower() for part in (accept or "").split(",")}
    return Format.JSONL if MEDIA_TYPE in named else Format.JSON


_FORMS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Pages, newest first; as CSV or lines of JSON all of it, oldest first.",
        "content": {"text/csv": {"schema": {"type": "string"}}, MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}


@router.get("", response_model=Items[Entry], responses=_FORMS)
async def list_audit(
    who: Reader,  # noqa: ARG001 - says what the route needs
    services: Use,
    question: Ask,
    page: PageWanted,
    wanted: Annotated[Wanted, Depends(_wanted)],
) -> Any:  # noqa: ANN401 - a page or a file
    """List what was done in the town; needs `audit:read`. What concerns a restricted kind is for its readers only.

    `format=jsonl` without a filter is the whole chain, with the seals alone of entries that are not yours: what
    `lautern audit verify FILE` verifies.
    """
    if wanted.form is Format.CSV:
        return await question.download(
            lambda _: tables.download(HEADER, map(cells, entries(services.registry, wanted.which)), "audit")
        )
    if wanted.form is Format.JSONL:
        return await question.download(lambda _: _file(services, wanted))

    def found(_: QueryBudget) -> Items[Entry]:
        with services.registry.read() as tx:
            return page_of(tx.get(Audit).find(wanted.which, page.limit, page.cursor), show)

    return await question.answer(found, rows=0)


@router.get("/verify", responses=responses(429))
def verify_audit(request: Request, who: Reader, services: Use) -> Verified:  # noqa: ARG001 - says what the route needs
    """Look through the whole chain, of all towns and kinds; needs `audit:read`. Names the first bad entry.

    One at a time: 429 while another looks.
    """
    verifying = cast("threading.Lock", request.app.state.verifying)
    if not verifying.acquire(blocking=False):
        raise TooManyRequests("another verification runs", retry_after_s=10)
    try:
        return _verified(services)
    finally:
        verifying.release()


def _verified(services: Services) -> Verified:
    if services.notary is None or services.anchors is None:
        raise AuditUnavailable("this process has no key for it")
    try:
        verdict = verify(entries(services.registry), services.notary, services.anchors.all(), anchored=True)
    except OSError as error:
        raise AuditUnavailable(f"its anchors cannot be read: {error}") from error
    found, last = verdict.finding, verdict.last
    return Verified(
        ok=found is None,
        entries=verdict.entries,
        last_seq=last.seq if last else 0,
        last_mac=last.seal.mac if last else "",
        anchors=verdict.anchors,
        first_bad=FirstBad(seq=found.seq, fault=found.fault, sentence=found.sentence) if found else None,
        checked_at=services.now_us(),
    )


def _file(services: Services, wanted: Wanted) -> tables.Download:
    registry, which = services.registry, wanted.which
    found = entries(registry, which) if wanted.is_part else whole(registry, which.shows)
    headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    return tables.begun(_blocks(line(entry) for entry in found), MEDIA_TYPE, headers)


def _blocks(lines: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for text in lines:
        held += text
        if len(held) >= _BLOCK:
            yield bytes(held)
            held.clear()
    yield bytes(held)
