"""Data protection: what was deleted because its time was over, and the register of processing."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, Field

from api.authentication import authentication_state, requires_scope
from api.paging import ItemPage, PageWanted, page_of
from api.processing_register import as_json, register_html, register_markdown
from api.services import Use
from api.time_parameters import TimeOut
from application.access.actor import Actor
from application.ports import retention
from application.ports.retention import DeletionLog
from application.privacy.processing_register import register_of

SCOPE: Final = "privacy:admin"
Keeper = Annotated[Actor, requires_scope(SCOPE)]


class KeptShown(BaseModel):
    """Something kept; `days` null: as long as its subject is there."""

    what: str
    days: int | None


class ActivityShown(BaseModel):
    """One activity of processing."""

    name: str
    purpose: str
    kept: list[KeptShown]
    readers: list[str]
    """Roles that may read it."""


class RegisterShown(BaseModel):
    """The register of processing activities."""

    language: Literal["de", "en"]
    title: str
    controller: str
    contact: str
    data_protection_officer: str
    activities: list[ActivityShown]
    recipients: list[str]
    measures: list[str]


_REGISTER: dict[int | str, dict[str, Any]] = {
    200: {"model": RegisterShown, "content": {"text/markdown": {}, "text/html": {}}}
}
router = APIRouter(prefix="/privacy", tags=["privacy"])


class DeletionSchema(BaseModel):
    """So many records of a class that ended between two instants were deleted; `kind` null: of no kind."""

    at: TimeOut
    data_class: str
    kind: str | None
    tenant_id: str | None
    from_: TimeOut | None = Field(serialization_alias="from")
    to: TimeOut | None
    count: int


@router.get("/deletions")
def list_deletions(who: Keeper, services: Use, page: PageWanted) -> ItemPage[DeletionSchema]:
    """List what was deleted because its time was over, newest first; needs `privacy:admin`."""
    with services.registry.read() as tx:
        found = tx.get(DeletionLog).find(who.tenants(), who.kinds(services.catalog), page.limit, page.cursor)
    return page_of(found, _show)


@router.get("/register", dependencies=[requires_scope(SCOPE)], response_model=None, responses=_REGISTER)
def register(
    request: Request,
    services: Use,
    form: Annotated[Literal["json", "markdown", "html"], Query(alias="format")] = "json",
    language: Annotated[Literal["de", "en"], Query()] = "de",
) -> Response:
    """Show the register of processing activities (GDPR, Article 30) as the settings make it; needs `privacy:admin`."""
    found = register_of(services.catalog.values(), authentication_state(request).roles, services.processing)
    if form == "json":
        return JSONResponse(as_json(found, language))
    if form == "html":
        return HTMLResponse(register_html(found, language))
    return PlainTextResponse(register_markdown(found, language), media_type="text/markdown")


def _show(deletion: retention.DeletionRecord) -> DeletionSchema:
    return DeletionSchema(
        at=deletion.at_us,
        data_class=deletion.data_class,
        kind=deletion.kind,
        tenant_id=deletion.tenant_id,
        from_=deletion.from_us,
        to=deletion.to_us,
        count=deletion.count,
    )
