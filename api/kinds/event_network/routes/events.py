"""Events: plan, confirm, change, cancel."""

import uuid
from collections.abc import Collection
from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from api.authentication import requires_scope
from api.fields import IdInPath
from api.kinds.event_network.schemas.events import EventBody, EventShown, event_of, event_schema
from api.paging import ItemPage, PageWanted, page_of
from api.preconditions import Expected, etag
from api.problems import problem_responses
from api.services import Use
from api.time_parameters import TimeIn
from application.access import authorization
from application.access.actor import Actor
from application.audit.audit_trail import object_name, record_action
from application.kinds.event_network.ports import EventFilter, EventRepository
from application.lending import Span, asset_ownerships
from application.ports.changes import Change, ChangeFeed
from application.ports.inventory import AssetRepository
from application.ports.registry import RegistryTransaction
from application.versions import check_version
from devices.errors import Conflict, Invalid, NotFound
from devices.event_network.city_event import CityEvent, EventState, state_due
from devices.event_network.planning import check_plan, refuse_overbooking

KIND: Final = "event_network"
READ: Final = f"{KIND}:read"
EVENT: Final = "event"
"""What a role may be limited to: `event/{id}`."""
Reader = Annotated[Actor, requires_scope(READ, in_part=True)]
Writer = Annotated[Actor, requires_scope("events:write")]
router = APIRouter(prefix="/events", tags=["event network"])


def find_event(tx: RegistryTransaction, who: Actor, event_id: str) -> CityEvent:
    """Return the event if it is the caller's. Raises NotFound."""
    found = tx.get(EventRepository).get(event_id)
    if not who.is_at_home(found.tenant_id) or not who.may_within(READ, f"{EVENT}/{event_id}"):
        raise NotFound
    return found


@router.get("")
def list_events(  # noqa: PLR0917 - a list has as many filters as its page shows
    who: Reader,
    services: Use,
    page: PageWanted,
    state: Annotated[EventState | None, Query()] = None,
    device: Annotated[str | None, Query(max_length=64, description="Events this node serves.")] = None,
    from_: Annotated[TimeIn | None, Query(alias="from")] = None,
    to: Annotated[TimeIn | None, Query()] = None,
) -> ItemPage[EventShown]:
    """List events, latest first; `from` and `to` select those that overlap. Needs `event_network:read`."""
    which = EventFilter(
        tenant_ids=who.tenants(),
        event_ids=None if who.may(READ) else who.limited_to(READ, EVENT),
        states=None if state is None else [state],
        asset_id=device,
        from_us=from_,
        to_us=to,
    )
    with services.registry.read() as tx:
        return page_of(tx.get(EventRepository).find(which, page.limit, page.cursor), event_schema)


@router.post("", status_code=201, responses=problem_responses(409))
def create_event(who: Writer, services: Use, body: EventBody, response: Response) -> EventShown:
    """File an event, as a draft or confirmed; needs `events:write`.

    409 when a node serves another event in that time, or more is guaranteed than was tested (with the numbers).
    """
    now_us = services.now_us()
    with services.registry.write() as tx:
        new = event_of(
            body, body.id or uuid.uuid4().hex[:16], authorization.tenant_of_new(tx, who, body.tenant_id), now_us
        )
        filed = tx.get(EventRepository).add(_checked(tx, who, new, now_us))
        _tell(tx, filed, now_us)
        _record(tx, who, "event.create", filed)
    _locate(response, filed)
    return event_schema(filed)


@router.get("/{event_id}", responses=problem_responses(404))
def get_event(event_id: IdInPath, who: Reader, services: Use, response: Response) -> EventShown:
    """Show one event; its ETag is what PUT wants as If-Match."""
    with services.registry.read() as tx:
        found = find_event(tx, who, event_id)
    _locate(response, found)
    return event_schema(found)


@router.put("/{event_id}", responses=problem_responses(404, 409, 412, 428))
def replace_event(  # noqa: PLR0917
    event_id: IdInPath, who: Writer, services: Use, seen: Expected, body: EventBody, response: Response
) -> EventShown:
    """Replace the plan: a new version (an extension, a move, a cancellation). Needs `events:write`."""
    now_us = services.now_us()
    with services.registry.write() as tx:
        old = find_event(tx, who, event_id)
        check_version(seen, old.version)
        if body.id not in {None, event_id} or body.tenant_id not in {None, old.tenant_id}:
            raise Invalid("event_network.identity_fixed", field="id")
        new = event_of(body, event_id, old.tenant_id, now_us)
        new = replace(new, version=old.version, created_us=old.created_us)
        if old.holds and new.state is EventState.DRAFT:
            raise Conflict("event_network.no_draft_again", field="state")
        changed = tx.get(EventRepository).change(
            _checked(tx, who, new, now_us, {(o.asset_id, old.span(o)) for o in old.objects})
        )
        _tell(tx, changed, now_us)
        _record(tx, who, "event.replace", changed)
    _locate(response, changed)
    return event_schema(changed)


@router.delete("/{event_id}", status_code=204, responses=problem_responses(404, 409))
def remove_event(event_id: IdInPath, who: Writer, services: Use) -> None:
    """Remove a draft; anything else is cancelled by PUT and kept. Needs `events:write`."""
    with services.registry.write() as tx:
        found = find_event(tx, who, event_id)
        tx.get(EventRepository).remove(event_id)
        _record(tx, who, "event.remove", found)


def _checked(
    tx: RegistryTransaction, who: Actor, new: CityEvent, now_us: int, known: Collection[tuple[str, Span]] = ()
) -> CityEvent:
    """Check a plan against itself, the inventory and the tests; returns it in the state that is due.

    `known`: what the version before used of which node, which is not asked again.
    """
    check_plan(new)
    nodes = {o.asset_id for o in new.objects}
    assets = tx.get(AssetRepository).many(nodes)
    owned = asset_ownerships(tx, assets.values())
    for item in new.objects:
        span = new.span(item)
        if (item.asset_id, span) in known:
            continue
        asset = assets.get(item.asset_id)
        mine = asset is not None and owned[item.asset_id].concerns({new.tenant_id})
        if asset is None or asset.kind != KIND or asset.retired_us or not mine or not who.may(READ):
            raise Invalid("event_network.no_node_of_yours", device=item.asset_id, field="objects.device_id")
        if span[0] < span[1] and owned[item.asset_id].spans({new.tenant_id}, *span) != [span]:
            raise Invalid("event_network.node_not_yours_throughout", device=item.asset_id, field="objects.device_id")
    if new.holds:
        tests = tx.get(EventRepository).tests(nodes)
        refuse_overbooking(new, [t for t in tests if t.tenant_id == new.tenant_id])
        return replace(new, state=state_due(new, now_us))
    return new


def _record(tx: RegistryTransaction, who: Actor, action: str, found: CityEvent) -> None:
    detail = {"name": found.name, "state": found.state.value, "version": found.version}
    record_action(tx, who, action, object_name(KIND, "event", found.event_id), detail=detail, tenant_id=found.tenant_id)


def _tell(tx: RegistryTransaction, changed: CityEvent, now_us: int) -> None:
    data = {"event_id": changed.event_id, "state": changed.state.value, "version": changed.version}
    tx.get(ChangeFeed).add([Change(0, now_us, changed.tenant_id, KIND, "event", data)])


def _locate(response: Response, found: CityEvent) -> None:
    response.headers["Location"] = f"/api/v1/events/{found.event_id}"
    response.headers["ETag"] = etag(found.version)
