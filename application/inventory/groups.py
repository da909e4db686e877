"""Groups of assets of one town and kind, kept by whoever may; on record in the same transaction."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from application.access import authorization
from application.access.actor import Actor
from application.audit.audit_trail import record_group
from application.ports.inventory import AssetGroup, AssetRepository, GroupRepository
from application.ports.registry import RegistryTransaction
from application.versions import check_version
from devices.errors import Invalid, NotFound

WRITE: Final = "groups:write"
"""For open kinds; see `Actor.require_of_kind`."""


@dataclass(frozen=True, slots=True)
class GroupEditor:
    """Works for one actor in one transaction, with `kind` on groups of that kind only; others are NotFound then."""

    tx: RegistryTransaction
    actor: Actor
    kind: str | None = None

    def create(
        self, kind: str, name: str, members: Sequence[str], group_id: str | None = None, tenant_id: str | None = None
    ) -> AssetGroup:
        """Make a group, its id made up when absent. Raises Invalid, Forbidden, Conflict."""
        self.actor.require_of_kind(WRITE, kind)
        group = AssetGroup(
            group_id=group_id or uuid.uuid4().hex[:16],
            tenant_id=authorization.tenant_of_new(self.tx, self.actor, tenant_id),
            kind=kind,
            name=name,
            members=tuple(dict.fromkeys(members)),
            version=0,
        )
        self._check_members(group, group.members)
        created = self.tx.get(GroupRepository).put(group)
        record_group(self.tx, self.actor, "group.create", created)
        return created

    def change(self, group_id: str, name: str | None, members: Sequence[str] | None, seen: int | None) -> AssetGroup:
        """Replace what is given, unless the group is newer than `seen`. Raises VersionMismatch, Invalid."""
        group = self._own(group_id)
        check_version(seen, group.version)
        wanted = group.members if members is None else tuple(dict.fromkeys(members))
        known = set(group.members)
        self._check_members(group, [one for one in wanted if one not in known])
        changed = self.tx.get(GroupRepository).put(replace(group, name=name or group.name, members=wanted))
        record_group(self.tx, self.actor, "group.change", changed)
        return changed

    def remove(self, group_id: str) -> None:
        """Drop the group, not its members."""
        group = self._own(group_id)
        self.tx.get(GroupRepository).remove(group_id)
        record_group(self.tx, self.actor, "group.remove", group)

    def find(self, group_id: str) -> AssetGroup:
        """Return a group that the actor may see. Raises NotFound."""
        group = authorization.own_group(self.tx, self.actor, group_id)
        if self.kind not in {None, group.kind}:
            raise NotFound
        return group

    def _own(self, group_id: str) -> AssetGroup:
        group = self.find(group_id)
        self.actor.require_of_kind(WRITE, group.kind)
        return group

    def _check_members(self, group: AssetGroup, asset_ids: Collection[str]) -> None:
        known = self.tx.get(AssetRepository).many(asset_ids)
        for asset_id in asset_ids:
            asset = known.get(asset_id)
            if asset is None or (asset.tenant_id, asset.kind) != (group.tenant_id, group.kind) or asset.retired_us:
                raise Invalid("no_device_of_tenant_and_kind", device=asset_id, field="members")
            self.actor.must_see(asset.tenant_id, asset.kind)
