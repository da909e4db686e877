"""Keys end with who made them, when he is removed, erased or shut out."""

from dataclasses import replace
from typing import Literal

from application.access.actor import Actor, actor_of
from application.audit.audit_trail import object_name, record_action
from application.ports.api_keys import ApiKeys
from application.ports.registry import RegistryTransaction


def end_keys(
    tx: RegistryTransaction,
    who: Actor,
    user_id: str,
    now_us: int,
    *,
    because: Literal["maker_removed", "maker_erased", "maker_disabled"],
    tenant_id: str | None = None,
    pseudonym: str | None = None,
) -> list[str]:
    """Revoke what a user made, on record; with `tenant_id` in that town only. Returns the names of the caller's.

    Called when the rest is on record: no key is made beside it then (`create_key`).
    """
    keys, makers = tx.get(ApiKeys), {actor_of(user_id), pseudonym or actor_of(user_id)}
    ended = [
        key
        for key in keys.all()
        if key.created_by in makers and key.revoked_us is None and tenant_id in {None, key.tenant_id}
    ]
    for key in ended:
        keys.revoke(key.key_id, now_us)
        detail = {"name": key.name, "because": because}
        # A key for all towns is none of the caller's town, in whose log it would stand else.
        record_action(
            tx,
            replace(who, tenant_id=key.tenant_id),
            "api_key.revoke",
            object_name("api_key", key.key_id),
            detail=detail,
        )
    return [key.name for key in ended if who.is_at_home(key.tenant_id)]
