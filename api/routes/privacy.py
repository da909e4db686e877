"""Data protection: what was deleted because its time was over."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.access import Caller
from api.authentication import needs
from api.paging import Items, PageWanted, page_of
from api.services import Use
from api.times import TimeOut
from devices.ports import privacy
from devices.ports.privacy import Deletions

Keeper = Annotated[Caller, needs("privacy:admin")]
router = APIRouter(prefix="/privacy", tags=["privacy"])


class Deletion(BaseModel):
    """So many records of a class that ended between two instants were deleted; `kind` null: of no kind."""

    at: TimeOut
    data_class: str
    kind: str | None
    tenant_id: str | None
    from_: TimeOut | None = Field(serialization_alias="from")
    to: TimeOut | None
    count: int


@router.get("/deletions")
def list_deletions(who: Keeper, services: Use, page: PageWanted) -> Items[Deletion]:
    """List what was deleted because its time was over, newest first; needs `privacy:admin`."""
    with services.registry.read() as tx:
        found = tx.get(Deletions).find(who.tenants(), who.kinds(services.catalog), page.limit, page.cursor)
    return page_of(found, _show)


def _show(deletion: privacy.Deletion) -> Deletion:
    return Deletion(
        at=deletion.at_us,
        data_class=deletion.data_class,
        kind=deletion.kind,
        tenant_id=deletion.tenant_id,
        from_=deletion.from_us,
        to=deletion.to_us,
        count=deletion.count,
    )
