"""Streetlights: level, what is in force and why, until when."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.authentication import requires_scope
from api.fields import ID, PRINTABLE, IdInPath
from api.kinds.streetlight.explanation import explain_level, word_level
from api.kinds.streetlight.schemas import Streetlight, streetlight_schemas
from api.paging import ItemPage, PageWanted
from api.services import Use
from application.access import authorization
from application.access.actor import Actor
from application.ports.inventory import AssetFilter, AssetRepository
from devices.errors import NotFound
from devices.wording.catalogue import Language

KIND = "streetlight"
READ = f"{KIND}:read"
Reader = Annotated[Actor, requires_scope(READ, in_part=True)]
router = APIRouter(prefix="/streetlights", tags=[KIND])


class LampExplanation(BaseModel):
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
) -> ItemPage[Streetlight]:
    """List lamps with level, what is in force, why and until when."""
    visible = authorization.visible_things(who, services.catalog, KIND)
    which = AssetFilter(kinds=visible.kinds, also=visible.assets, tenant_ids=who.tenants(), text=q, group_id=group)
    with services.registry.read() as tx:
        found = tx.get(AssetRepository).find(which, page.limit, page.cursor)
        items = _explained(streetlight_schemas(tx, who, found.items, services.now_us()))
    return ItemPage[Streetlight](items=items, next_cursor=found.next_cursor)


@router.get("/{asset_id}")
def get_streetlight(asset_id: IdInPath, who: Reader, services: Use) -> Streetlight:
    """Show one lamp."""
    with services.registry.read() as tx:
        asset = authorization.own_asset(tx, who, asset_id)
        if asset.kind != KIND:
            raise NotFound(KIND)
        return _explained(streetlight_schemas(tx, who, [asset], services.now_us()))[0]


@router.get("/{asset_id}/explanation")
def explain_streetlight(
    asset_id: IdInPath,
    who: Reader,
    services: Use,
    lang: Annotated[Language, Query(description="Language of the sentence.")] = "en",
) -> LampExplanation:
    """Say in a sentence what is in force on one lamp and why."""
    lamp = get_streetlight(asset_id, who, services)
    return LampExplanation(id=lamp.id, sentence=word_level(lamp.name, lamp.why, lang), lamp=lamp)


def _explained(lamps: Iterable[Streetlight]) -> list[Streetlight]:
    return [lamp.model_copy(update={"why": explain_level(lamp)}) for lamp in lamps]
