"""Puts what callers do on record, in the transaction that does it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from application.access.actor import Actor
from application.audit.entry import OK, AuditEvent
from application.ports.audit import AuditLog
from application.ports.inventory import Asset, AssetGroup
from application.ports.registry import RegistryTransaction

_NAMED: Final = 50
"""Members and devices that an entry names."""
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def record_action(  # noqa: PLR0917 - as every route calls it
    tx: RegistryTransaction,
    who: Actor,
    action: str,
    object: str,  # noqa: A002 - that is its name in the audit log
    result: str = OK,
    detail: Mapping[str, Any] | None = None,
    *,
    tenant_id: str | None = None,
) -> None:
    """Record an action as the last step of its transaction: if it cannot be recorded, it does not happen.

    `object`: see `object_name`. `tenant_id`: whose it is, where the caller may be at work in all towns. No secrets in
    `detail`; what looks like one is taken out all the same. Raises AuditUnavailable.
    """
    tx.get(AuditLog).append(
        AuditEvent(
            actor=who.actor,
            name=who.name,
            tenant_id=tenant_id or who.tenant_id,
            action=action,
            object=object,
            address=who.address,
            result=result,
            request_id=who.request_id,
            detail=detail or {},
        )
    )


def object_name(subject: str | None, *path: str) -> str:
    """Name an object: its kind, then its id, then what it is of that; without a kind what it is.

    Such as `streetlight/L01`, `fire_drone/flight/17`; `dead_letter/5`, which is of no kind.
    """
    return "/".join(path if subject is None else (subject, *path))


def record_group(tx: RegistryTransaction, who: Actor, action: str, group: AssetGroup) -> None:
    """Record what was done with a group, and what it is then."""
    detail: dict[str, Any] = {"name": group.name, "members": list(group.members[:_NAMED])}
    if len(group.members) > _NAMED:
        detail["members_count"] = len(group.members)
    record_action(
        tx, who, action, object_name(group.kind, "group", group.group_id), detail=detail, tenant_id=group.tenant_id
    )


def record_assets(
    tx: RegistryTransaction, who: Actor, action: str, assets: Sequence[Asset], more: Mapping[str, Any] = NOTHING
) -> None:
    """Record what was done with assets: with one as such, with many in an entry for each town and kind."""
    if len(assets) == 1:
        (asset,) = assets
        record_action(tx, who, action, object_name(asset.kind, asset.asset_id), detail=more, tenant_id=asset.tenant_id)
        return
    ids: dict[tuple[str, str], list[str]] = {}
    for asset in assets:
        ids.setdefault((asset.tenant_id, asset.kind), []).append(asset.asset_id)
    for (tenant_id, kind), some in sorted(ids.items()):
        detail = {"devices": len(some), "first_ids": some[:_NAMED], **more}
        record_action(tx, who, action, object_name(kind, "several"), detail=detail, tenant_id=tenant_id)
