"""Streetlights: level, what is in force and why, until when."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api import seeing
from api.access import Caller
from api.authentication import needs
from api.fields import ID, PRINTABLE, IdInPath
from api.kinds.streetlight.explaining import sentence
from api.kinds.streetlight.shown import Streetlight, lamps
from api.paging import Items, PageWanted
from api.services import Use
from devices.errors import NotFound
from devices.ports.inventory import AssetFilter, Inventory

KIND = "streetlight"
READ = f"{KIND}:read"
Reader = Annotated[Caller, needs(READ, in_part=True)]
router = APIRouter(prefix="/streetlights", tags=[KIND])


class Explanation(BaseModel):
    """Why the lamp shines as it does."""

    id: str
    sentence: str
    lamp: Streetlight


@router.get("")
def list_streetlights(
    who: Reader,
    services: Use,
    page: PageWanted,
    group: Annotated[str | None, Query(pattern=ID)] = None,
    q: Annotated[str, Query(max_length=100, pattern=PRINTABLE, description="Part of id or name.")] = "",
) -> Items[Streetlight]:
    """List lamps with level, what is in force, why and until when."""
    visible = seeing.visible(who, services.catalog, KIND)
    which = AssetFilter(kinds=visible.kinds, also=visible.assets, tenant_ids=who.tenants(), text=q, group_id=group)
    with services.registry.read() as tx:
        found = tx.get(Inventory).find(which, page.limit, page.cursor)
        items = lamps(tx, who, found.items, services.now_us())
    return Items[Streetlight](items=items, next_cursor=found.next_cursor)


@router.get("/{asset_id}")
def get_streetlight(asset_id: IdInPath, who: Reader, services: Use) -> Streetlight:
    """Show one lamp."""
    with services.registry.read() as tx:
        asset = seeing.asset(tx, who, asset_id)
        if asset.kind != KIND:
            raise NotFound(KIND)
        return lamps(tx, who, [asset], services.now_us())[0]


@router.get("/{asset_id}/explanation")
def explain_streetlight(asset_id: IdInPath, who: Reader, services: Use) -> Explanation:
    """Say in a sentence what is in force on one lamp and why."""
    lamp = get_streetlight(asset_id, who, services)
    return Explanation(id=lamp.id, sentence=sentence(lamp), lamp=lamp)
