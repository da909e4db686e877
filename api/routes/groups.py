"""Groups of devices of one tenant and kind, addressed by one command."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.authentication import Who, requires_scope
from api.fields import IdInPath, Name, RequestBody
from api.paging import ItemPage, PageWanted
from api.preconditions import Expected, check_version, etag
from api.problems import problem_responses
from api.services import Use
from application.access import authorization
from application.access.actor import Actor
from application.audit.audit_trail import record_group
from application.ports.inventory import AssetGroup, AssetRepository, GroupRepository
from application.ports.registry import RegistryTransaction
from devices.errors import Invalid
from devices.messages import Id

WRITE: Final = "groups:write"
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
        raise Invalid(f"must be one of {', '.join(sorted(who.kinds(services.catalog)))}", field="kind")
    who.require_of_kind(WRITE, body.kind)
    with services.registry.write() as tx:
        group = AssetGroup(
            group_id=body.id or uuid.uuid4().hex[:16],
            tenant_id=authorization.tenant_of_new(tx, who, body.tenant_id),
            kind=body.kind,
            name=body.name,
            members=tuple(dict.fromkeys(body.members)),
            version=0,
        )
        _check_members(tx, who, group, group.members)
        created = tx.get(GroupRepository).put(group)
        record_group(tx, who, "group.create", created)
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
        group = authorization.own_group(tx, who, group_id)
        who.require_of_kind(WRITE, group.kind)
        check_version(seen, group.version)
        members = group.members if body.members is None else tuple(dict.fromkeys(body.members))
        _check_members(tx, who, group, [m for m in members if m not in set(group.members)])
        changed = tx.get(GroupRepository).put(replace(group, name=body.name or group.name, members=members))
        record_group(tx, who, "group.change", changed)
    response.headers["ETag"] = etag(changed.version)
    return group_schema(changed)


@router.delete("/{group_id}", status_code=204, responses=problem_responses(409))
def remove_group(group_id: IdInPath, who: Writer, services: Use) -> None:
    """Remove the group, not its members; needs `groups:write`, for restricted kinds `{kind}:write`."""
    with services.registry.write() as tx:
        group = authorization.own_group(tx, who, group_id)
        who.require_of_kind(WRITE, group.kind)
        tx.get(GroupRepository).remove(group_id)
        record_group(tx, who, "group.remove", group)


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


def _check_members(tx: RegistryTransaction, who: Actor, group: AssetGroup, asset_ids: Sequence[str]) -> None:
    known = tx.get(AssetRepository).many(asset_ids)
    for asset_id in asset_ids:
        asset = known.get(asset_id)
        if asset is None or (asset.tenant_id, asset.kind) != (group.tenant_id, group.kind) or asset.retired_us:
            raise Invalid(f"{asset_id} is no device of this tenant and kind", field="members")
        who.must_see(asset.tenant_id, asset.kind)
