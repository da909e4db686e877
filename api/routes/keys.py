"""API keys: shown once, scoped, expiring, revocable."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.authentication import requires_scope
from api.fields import IdInPath, Name, RequestBody
from api.paging import ItemPage
from api.problems import problem_responses
from api.services import Use
from api.time_parameters import TimeIn, TimeOut
from application.access import api_keys
from application.access.actor import Actor
from application.ports.api_keys import ApiKey
from devices.messages import Id

Keeper = Annotated[Actor, requires_scope("api_keys:admin")]
Scope = Annotated[str, Field(pattern=r"^(\*|[a-z][a-z0-9_]{0,63}:(\*|[a-z][a-z0-9_]{0,63}))$")]
router = APIRouter(tags=["access"])


class ApiKeySchema(BaseModel):
    """A key without its secret."""

    id: str
    prefix: str
    name: str
    tenant_id: str | None
    scopes: list[str]
    created_at: TimeOut
    expires_at: TimeOut | None
    last_used_at: TimeOut | None
    revoked_at: TimeOut | None
    created_by: str | None
    """Who answers for it: `user:…`; `machine:…` for one made at the command line or the first start.

    Null for keys from before this was noted.
    """
    yours_to_revoke: bool


class NewKey(ApiKeySchema):
    """A key just made; `key` is shown this once."""

    key: str


class KeyWanted(RequestBody):
    """A key to make; it may grant only what its maker holds."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=64)]
    tenant_id: Id | None = None
    """Null: all tenants, where the maker's key is for all."""
    expires_at: TimeIn | None = None


@router.get("/api-keys")
def list_keys(
    who: Keeper, services: Use, *, revoked: Annotated[bool, Query(description="Revoked ones too.")] = False
) -> ItemPage[ApiKeySchema]:
    """List keys in order of creation; needs `api_keys:admin`."""
    with services.registry.read() as tx:
        keys = [k for k in api_keys.visible_api_keys(tx, who) if revoked or k.revoked_us is None]
    return ItemPage[ApiKeySchema](items=[_key(who, k) for k in keys])


@router.post("/api-keys", status_code=201, responses=problem_responses(409))
def create_key(who: Keeper, services: Use, body: KeyWanted, response: Response) -> NewKey:
    """Make a key and show its secret this once; needs `api_keys:admin` and every scope it grants."""
    wanted = api_keys.KeyRequest(body.name, frozenset(body.scopes), body.tenant_id, body.expires_at)
    with services.registry.write() as tx:
        key, presented = api_keys.make_api_key(tx, who, services.catalog, wanted, services.now_us())
    response.headers["Location"] = f"/api/v1/api-keys/{key.key_id}"
    return NewKey.model_validate(vars(_key(who, key)) | {"key": presented})


@router.get("/api-keys/{key_id}")
def get_key(key_id: IdInPath, who: Keeper, services: Use) -> ApiKeySchema:
    """Show one key; needs `api_keys:admin`."""
    with services.registry.read() as tx:
        return _key(who, api_keys.find_api_key(tx, who, key_id))


@router.delete("/api-keys/{key_id}", status_code=204)
def revoke_key(key_id: IdInPath, who: Keeper, services: Use) -> None:
    """Revoke: works from the next request on; needs `api_keys:admin` and every scope the key was given."""
    with services.registry.write() as tx:
        api_keys.revoke_api_key(tx, who, key_id, services.now_us())


def _key(who: Actor, key: ApiKey) -> ApiKeySchema:
    return ApiKeySchema(
        id=key.key_id,
        prefix=key.prefix,
        name=key.name,
        tenant_id=key.tenant_id,
        scopes=sorted(key.scopes),
        created_at=key.created_us,
        expires_at=key.expires_us,
        last_used_at=key.last_used_us,
        revoked_at=key.revoked_us,
        created_by=key.created_by,
        yours_to_revoke=api_keys.may_revoke(who, key),
    )
