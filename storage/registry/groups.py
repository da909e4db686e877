"""Groups of assets."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, delete, select, true, update

from application.ports.inventory import AssetGroup
from devices.errors import Conflict, IdUnavailable, NotFound, VersionMismatch
from storage.registry.cache_revisions import raise_inventory_revision
from storage.registry.notification_tables import RULE_GROUPS
from storage.registry.row_statements import in_chunks, insert_new
from storage.registry.tables import ASSETS, GROUP_MEMBERS, GROUPS


class SqlGroupRepository:
    """Groups; members in order of id."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, group: AssetGroup) -> AssetGroup:
        """Create (version 0 given) or change name and members (current version given).

        Raises VersionMismatch, Conflict when it exists or a member is no asset of its tenant and kind, NotFound.
        """
        if group.version == 0:
            self._create(group)
        else:
            self._change(group)
        members = sorted(set(group.members))
        self._require(group, members)
        self._connection.execute(delete(GROUP_MEMBERS).where(GROUP_MEMBERS.c.group_id == group.group_id))
        rows = [
            {"group_id": group.group_id, "asset_id": asset_id, "tenant_id": group.tenant_id} for asset_id in members
        ]
        if rows:
            self._connection.execute(GROUP_MEMBERS.insert(), rows)
        raise_inventory_revision(self._connection)
        return self.get(group.group_id)

    def get(self, group_id: str) -> AssetGroup:
        """Raises NotFound."""
        for group in self._groups(GROUPS.c.group_id == group_id):
            return group
        raise NotFound(group_id)

    def list(
        self, tenant_ids: Collection[str] | None, kinds: Collection[str] | None, also: Collection[str] = ()
    ) -> Sequence[AssetGroup]:
        """Groups of the kinds, or with an id in `also`, in order of id."""
        which: ColumnElement[bool] = true()
        if tenant_ids is not None:
            which &= GROUPS.c.tenant_id.in_(tenant_ids)
        if kinds is not None:
            which &= GROUPS.c.kind.in_(kinds) | GROUPS.c.group_id.in_(also)
        return self._groups(which)

    def of_asset(self, asset_id: str) -> Sequence[AssetGroup]:
        """Groups the asset belongs to."""
        own = select(GROUP_MEMBERS.c.group_id).where(GROUP_MEMBERS.c.asset_id == asset_id)
        return self._groups(GROUPS.c.group_id.in_(own))

    def remove(self, group_id: str) -> None:
        """Raises NotFound, Conflict while a notification rule names it."""
        naming = select(RULE_GROUPS.c.rule_id).where(RULE_GROUPS.c.group_id == group_id).limit(1)
        if self._connection.execute(naming).first() is not None:
            raise Conflict("rule_names_group")
        if not self._connection.execute(delete(GROUPS).where(GROUPS.c.group_id == group_id)).rowcount:
            raise NotFound(group_id)
        raise_inventory_revision(self._connection)

    def _create(self, group: AssetGroup) -> None:
        row = {
            "group_id": group.group_id,
            "tenant_id": group.tenant_id,
            "kind": group.kind,
            "name": group.name,
            "version": 1,
        }
        if not insert_new(self._connection, GROUPS, [row]):
            raise IdUnavailable("id")

    def _change(self, group: AssetGroup) -> None:
        read = (GROUPS.c.group_id == group.group_id) & (GROUPS.c.version == group.version)
        change = update(GROUPS).where(read).values(name=group.name, version=group.version + 1)
        if not self._connection.execute(change).rowcount:
            raise VersionMismatch("has_version", name=group.group_id, version=self.get(group.group_id).version)

    def _require(self, group: AssetGroup, members: Sequence[str]) -> None:
        fits = (ASSETS.c.tenant_id == group.tenant_id) & (ASSETS.c.kind == group.kind)
        known: set[str] = set()
        for some in in_chunks(members):
            query = select(ASSETS.c.asset_id).where(fits, ASSETS.c.asset_id.in_(some))
            known.update(self._connection.execute(query).scalars())
        if wrong := [asset_id for asset_id in members if asset_id not in known]:
            raise Conflict(
                "not_of_kind_and_tenant",
                kind=group.kind,
                tenant=group.tenant_id,
                names=list(wrong[:5]),
                field="members",
            )

    def _groups(self, which: ColumnElement[bool]) -> Sequence[AssetGroup]:
        members: defaultdict[str, list[str]] = defaultdict(list)
        chosen = select(GROUPS.c.group_id).where(which)
        query = select(GROUP_MEMBERS.c.group_id, GROUP_MEMBERS.c.asset_id).where(GROUP_MEMBERS.c.group_id.in_(chosen))
        for row in self._connection.execute(query.order_by(GROUP_MEMBERS.c.asset_id)):
            members[row.group_id].append(row.asset_id)
        return [
            AssetGroup(row.group_id, row.tenant_id, row.kind, row.name, tuple(members[row.group_id]), row.version)
            for row in self._connection.execute(select(GROUPS).where(which).order_by(GROUPS.c.group_id))
        ]
