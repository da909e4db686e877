"""Groups of devices of one tenant and kind, addressed by one command."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.authentication import Who, requires_scope
from api.fields import IdInPath, Name, RequestBody
from api.paging import ItemPage, PageWanted
from api.preconditions import Expected, etag
from api.problems import problem_responses
from api.services import Use
from application.access import authorization
from application.access.actor import Actor
from application.inventory.groups import WRITE, GroupEditor
from application.ports.inventory import AssetGroup, GroupRepository
from devices.errors import Invalid
from devices.messages import Id

Writer = Annotated[Actor, requires_scope(WRITE, of_kind=True)]
Members = Annotated[list[Id], Field(max_length=5000)]
router = APIRouter(prefix="/groups", tags=["groups"])


class GroupShown(BaseModel):
    """A group; `members` are device ids."""

    id: str
    tenant_id: str
    kind: str
    name: str
    members: list[str]
    version: int


class GroupWanted(RequestBody):
    """A group to create."""

    id: Id | None = None
    tenant_id: Id | None = None
    kind: Id
    name: Name
    members: Members = Field(default_factory=list)


class GroupChange(RequestBody):
    """What may change; absent stays."""

    name: Name | None = None
    members: Members | None = None


@router.get("")
def list_groups(
    who: Who, services: Use, page: PageWanted, kind: Annotated[str | None, Query(max_length=64)] = None
) -> ItemPage[GroupShown]:
    """List groups in order of id."""
    visible = authorization.visible_things(who, services.catalog, kind)
    with services.registry.read() as tx:
        listed = tx.get(GroupRepository).list(who.tenants(), visible.kinds, visible.groups)
        found = [g for g in listed if g.group_id > (page.cursor or "")]
    some = found[: page.limit]
    more = some[-1].group_id if len(found) > page.limit else None
    return ItemPage[GroupShown](items=[group_schema(g) for g in some], next_cursor=more)


@router.post("", status_code=201, responses=problem_responses(409))
def create_group(who: Writer, services: Use, body: GroupWanted, response: Response) -> GroupShown:
    """Create a group; needs `groups:write`, for restricted kinds `{kind}:write`."""
    if body.kind not in who.kinds(services.catalog):
        raise Invalid("not_one_of", allowed=sorted(who.kinds(services.catalog)), field="kind")
    with services.registry.write() as tx:
        created = GroupEditor(tx, who).create(body.kind, body.name, body.members, body.id, body.tenant_id)
    response.headers["Location"] = f"/api/v1/groups/{created.group_id}"
    response.headers["ETag"] = etag(created.version)
    return group_schema(created)


@router.get("/{group_id}")
def get_group(group_id: IdInPath, who: Who, services: Use, response: Response) -> GroupShown:
    """Show one group; its ETag is what PATCH wants as If-Match."""
    with services.registry.read() as tx:
        group = authorization.own_group(tx, who, group_id)
    response.headers["ETag"] = etag(group.version)
    return group_schema(group)


@router.patch("/{group_id}", responses=problem_responses(412, 428))
def change_group(  # noqa: PLR0917
    group_id: IdInPath, who: Writer, services: Use, seen: Expected, body: GroupChange, response: Response
) -> GroupShown:
    """Change name or members; needs `groups:write`, for restricted kinds `{kind}:write`."""
    with services.registry.write() as tx:
        changed = GroupEditor(tx, who).change(group_id, body.name, body.members, seen)
    response.headers["ETag"] = etag(changed.version)
    return group_schema(changed)


@router.delete("/{group_id}", status_code=204, responses=problem_responses(409))
def remove_group(group_id: IdInPath, who: Writer, services: Use) -> None:
    """Remove the group, not its members; needs `groups:write`, for restricted kinds `{kind}:write`."""
    with services.registry.write() as tx:
        GroupEditor(tx, who).remove(group_id)


def group_schema(group: AssetGroup) -> GroupShown:
    """Show a group."""
    return GroupShown(
        id=group.group_id,
        tenant_id=group.tenant_id,
        kind=group.kind,
        name=group.name,
        members=list(group.members),
        version=group.version,
    )
