"""API keys: made and revoked, for whoever may; a key does no more than its maker may himself."""

import hashlib
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from application.access import authorization
from application.access.actor import Actor, user_of
from application.access.roles import EVERYTHING, common_scopes, role_scopes, whole_scopes
from application.audit.audit_trail import object_name, record_action
from application.ports.api_keys import ApiKey, ApiKeys
from application.ports.registry import RegistryTransaction
from application.ports.users import User, UserRepository
from devices.errors import Forbidden, IdUnavailable, Invalid, NotFound, Unauthenticated
from devices.kind_catalog import KindCatalog
from devices.time_us import rfc3339


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A key that somebody wants made; it may grant only what he holds."""

    name: str
    scopes: frozenset[str]
    tenant_id: str | None = None
    """None: all towns that are its maker's."""
    expires_us: int | None = None


def secret_digest(secret: str) -> bytes:
    """SHA-256 of a secret; enough for random secrets of 256 bits."""
    return hashlib.sha256(secret.encode()).digest()


def new_key() -> tuple[str, str]:
    """Return a fresh prefix and a secret of 256 random bits."""
    return "lk" + secrets.token_hex(5), secrets.token_urlsafe(32)


def make_api_key(
    tx: RegistryTransaction, actor: Actor, catalog: KindCatalog, wanted: KeyRequest, now_us: int
) -> tuple[ApiKey, str]:
    """Store a key; returns it and, this once, what its holder presents. Raises Forbidden, Invalid, IdUnavailable."""
    for scope in sorted(wanted.scopes):
        if not _may_grant(actor, scope):
            raise Forbidden("scope_not_yours_to_give", scope=scope, field="scopes")
    if wanted.expires_us is not None and wanted.expires_us <= now_us:
        raise Invalid("in_the_past", field="expires_at")
    for_all = actor.tenant_id is None and wanted.tenant_id is None
    tenant_id = None if for_all else authorization.tenant_of_new(tx, actor, wanted.tenant_id)
    prefix, secret = new_key()
    key = ApiKey(
        key_id=uuid.uuid4().hex,
        prefix=prefix,
        secret_sha256=secret_digest(secret),
        name=wanted.name,
        tenant_id=tenant_id,
        scopes=wanted.scopes,
        created_us=now_us,
        expires_us=wanted.expires_us,
        # Made with a key, it is of who made that one, and ends with him.
        created_by=actor.made_by or actor.actor,
    )
    keys = tx.get(ApiKeys)
    if any(other.name == key.name and other.revoked_us is None for other in keys.all()):
        raise IdUnavailable("name")
    keys.add(key)
    expires = None if key.expires_us is None else rfc3339(key.expires_us)
    detail = {"name": key.name, "prefix": prefix, "scopes": sorted(key.scopes), "expires_at": expires}
    record_action(tx, actor, "api_key.create", object_name("api_key", key.key_id), detail=detail, tenant_id=tenant_id)
    # Only now nobody else records that its maker was shut out, or is no longer what he was.
    if not all(map(key_actor(tx, key, role_scopes(catalog), actor.restricted_kinds).may, key.scopes)):
        raise Forbidden("scope_no_longer_yours", field="scopes")
    return key, f"{prefix}.{secret}"


def revoke_api_key(tx: RegistryTransaction, actor: Actor, key_id: str, now_us: int) -> None:
    """Let a key fail from its next use on. Raises NotFound, Forbidden."""
    key = find_api_key(tx, actor, key_id)
    if not may_revoke(actor, key):
        raise Forbidden("key_has_scopes_not_yours")
    if key.revoked_us is None:
        tx.get(ApiKeys).revoke(key_id, now_us)
    detail, thing = {"name": key.name}, object_name("api_key", key_id)
    record_action(tx, actor, "api_key.revoke", thing, detail=detail, tenant_id=key.tenant_id)


def visible_api_keys(tx: RegistryTransaction, actor: Actor) -> list[ApiKey]:
    """Keys of the actor's towns, in order of creation."""
    return [key for key in tx.get(ApiKeys).all() if actor.tenant_id in {None, key.tenant_id}]


def find_api_key(tx: RegistryTransaction, actor: Actor, key_id: str) -> ApiKey:
    """Return a key of the actor's towns. Raises NotFound."""
    for key in visible_api_keys(tx, actor):
        if key.key_id == key_id:
            return key
    raise NotFound


def may_revoke(actor: Actor, key: ApiKey) -> bool:
    """Only who could give a key's scopes may take them: else an admin would end what the brigade works with."""
    return all(_may_grant(actor, scope) for scope in key.scopes)


def key_actor(
    tx: RegistryTransaction, key: ApiKey, roles: Mapping[str, frozenset[str]], restricted: frozenset[str]
) -> Actor:
    """What a key may do: what it was given, and its maker may still do himself. Raises Unauthenticated."""
    scopes, user_id = key.scopes, user_of(key.created_by)
    if user_id is not None:
        grants = let_in(tx, user_id).grants
        scopes = common_scopes(scopes, whole_scopes(grants, key.tenant_id, roles), restricted)
    return Actor(key.name, key.tenant_id, scopes, restricted, actor=f"key:{key.name}", made_by=key.created_by)


def let_in(tx: RegistryTransaction, user_id: str) -> User:
    """Return a user who is there and not shut out. Raises Unauthenticated."""
    try:
        user = tx.get(UserRepository).get(user_id)
    except NotFound:
        raise Unauthenticated from None
    if user.disabled_us is not None:
        raise Unauthenticated
    return user


def _may_grant(actor: Actor, scope: str) -> bool:
    subject, _, verb = scope.partition(":")
    if verb != "*":
        return actor.may(scope)
    return scope in actor.scopes or (EVERYTHING in actor.scopes and subject not in actor.restricted_kinds)
