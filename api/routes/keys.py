"""API keys: shown once, scoped, expiring, revocable."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api.authentication import authentication_state, key_caller, new_key, requires_scope
from api.fields import IdInPath, Name, RequestBody
from api.paging import ItemPage
from api.problems import problem_responses
from api.services import Services, Use
from api.sessions import secret_digest
from api.time_parameters import TimeIn, TimeOut
from application.access import authorization
from application.access.actor import Actor
from application.audit.audit_trail import object_name, record_action
from application.ports.api_keys import ApiKey, ApiKeys
from devices.errors import Forbidden, IdUnavailable, Invalid, NotFound
from devices.messages import Id
from devices.time_us import rfc3339

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
        keys = [k for k in tx.get(ApiKeys).all() if _own(who, k) and (revoked or k.revoked_us is None)]
    return ItemPage[ApiKeySchema](items=[_key(who, k) for k in keys])


@router.post("/api-keys", status_code=201, responses=problem_responses(409))
def create_key(request: Request, who: Keeper, services: Use, body: KeyWanted, response: Response) -> NewKey:
    """Make a key and show its secret this once; needs `api_keys:admin` and every scope it grants."""
    for scope in body.scopes:
        if not _may_grant(who, scope):
            raise Forbidden(f"scope {scope} is not yours to give", field="scopes")
    now_us = services.now_us()
    if body.expires_at is not None and body.expires_at <= now_us:
        raise Invalid("lies in the past", field="expires_at")
    with services.registry.write() as tx:
        for_all = who.tenant_id is None and body.tenant_id is None
        tenant_id = None if for_all else authorization.tenant_of_new(tx, who, body.tenant_id)
        prefix, secret = new_key()
        key = ApiKey(
            key_id=uuid.uuid4().hex,
            prefix=prefix,
            secret_sha256=secret_digest(secret),
            name=body.name,
            tenant_id=tenant_id,
            scopes=frozenset(body.scopes),
            created_us=now_us,
            expires_us=body.expires_at,
            # Made with a key, it is of who made that one, and ends with him.
            created_by=who.made_by or who.actor,
        )
        keys = tx.get(ApiKeys)
        if any(k.name == key.name and k.revoked_us is None for k in keys.all()):
            raise IdUnavailable("name")
        keys.add(key)
        expires = None if key.expires_us is None else rfc3339(key.expires_us)
        detail = {"name": key.name, "prefix": prefix, "scopes": sorted(key.scopes), "expires_at": expires}
        record_action(
            tx, who, "api_key.create", object_name("api_key", key.key_id), detail=detail, tenant_id=key.tenant_id
        )
        # Only now nobody else records that its maker was shut out, or is no longer what he was.
        if not all(map(key_caller(tx, key, authentication_state(request)).may, key.scopes)):
            raise Forbidden("a scope is no longer yours to give", field="scopes")
    response.headers["Location"] = f"/api/v1/api-keys/{key.key_id}"
    return NewKey(**dict(_key(who, key)), key=f"{prefix}.{secret}")


@router.get("/api-keys/{key_id}")
def get_key(key_id: IdInPath, who: Keeper, services: Use) -> ApiKeySchema:
    """Show one key; needs `api_keys:admin`."""
    return _key(who, _find(who, services, key_id))


@router.delete("/api-keys/{key_id}", status_code=204)
def revoke_key(key_id: IdInPath, who: Keeper, services: Use) -> None:
    """Revoke: works from the next request on; needs `api_keys:admin` and every scope the key was given."""
    key = _find(who, services, key_id)
    if not _may_revoke(who, key):
        raise Forbidden("the key has scopes that are not yours to give")
    with services.registry.write() as tx:
        if key.revoked_us is None:
            tx.get(ApiKeys).revoke(key.key_id, services.now_us())
        detail = {"name": key.name}
        record_action(tx, who, "api_key.revoke", object_name("api_key", key_id), detail=detail, tenant_id=key.tenant_id)


def _may_grant(who: Actor, scope: str) -> bool:
    subject, _, verb = scope.partition(":")
    if verb != "*":
        return who.may(scope)
    return scope in who.scopes or ("*" in who.scopes and subject not in who.restricted_kinds)


def _may_revoke(who: Actor, key: ApiKey) -> bool:
    """Only who could give a key's scopes may take them: else an admin would end what the brigade works with."""
    return all(_may_grant(who, scope) for scope in key.scopes)


def _own(who: Actor, key: ApiKey) -> bool:
    return who.tenant_id is None or key.tenant_id == who.tenant_id


def _find(who: Actor, services: Services, key_id: str) -> ApiKey:
    with services.registry.read() as tx:
        for key in tx.get(ApiKeys).all():
            if key.key_id == key_id and _own(who, key):
                return key
    raise NotFound


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
        yours_to_revoke=_may_revoke(who, key),
    )
