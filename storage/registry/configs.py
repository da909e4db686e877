"""Desired configurations."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, case, exists, func, select, update

from application.ports.desired_configs import DesiredConfig
from devices.errors import NotFound, VersionMismatch
from storage.registry.row_statements import in_chunks, insert_new
from storage.registry.tables import BINDINGS, DESIRED_CONFIGS, PENDING

CONFIGS = DESIRED_CONFIGS


class SqlDesiredConfigs:
    """DesiredConfigs; `pending` says that the published version is not the current one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, asset_id: str) -> DesiredConfig:
        """Raises NotFound."""
        row = self._connection.execute(select(CONFIGS).where(CONFIGS.c.asset_id == asset_id)).one_or_none()
        if row is None:
            raise NotFound(asset_id)
        return _config(row)

    def put(self, config: DesiredConfig, expected_version: int) -> DesiredConfig:
        """Create (expected 0) or replace; returns it with the version expected + 1. Raises VersionMismatch."""
        new = {
            "tenant_id": config.tenant_id,
            "kind": config.kind,
            "version": expected_version + 1,
            "body": config.body,
            "changed_us": config.changed_us,
            "pending": True,
        }
        if expected_version == 0:
            done = insert_new(self._connection, CONFIGS, [new | {"asset_id": config.asset_id}])
        else:
            read = (CONFIGS.c.asset_id == config.asset_id) & (CONFIGS.c.version == expected_version)
            done = self._connection.execute(update(CONFIGS).where(read).values(new)).rowcount
        if not done:
            raise VersionMismatch("not_at_version", name=config.asset_id, version=expected_version)
        return self.get(config.asset_id)

    def reporting_intervals_s(self, asset_ids: Collection[str]) -> Mapping[str, float]:
        """Of those assets for which one is configured."""
        found: dict[str, float] = {}
        for some in in_chunks(asset_ids):
            query = select(CONFIGS.c.asset_id, CONFIGS.c.body).where(CONFIGS.c.asset_id.in_(some))
            for asset_id, body in self._connection.execute(query):
                if (interval_s := body.get("reporting_interval_s")) is not None:
                    found[asset_id] = float(interval_s)
        return found

    def unpublished(self, limit: int = 500) -> Sequence[DesiredConfig]:
        """Those of bound assets whose published version is not the current one, longest changed first."""
        bound = exists().where(BINDINGS.c.asset_id == CONFIGS.c.asset_id, BINDINGS.c.until_us.is_(None))
        query = select(CONFIGS).where(PENDING, bound).order_by(CONFIGS.c.changed_us, CONFIGS.c.asset_id).limit(limit)
        return [_config(row) for row in self._connection.execute(query)]

    def unapplied(self, asset_ids: Collection[str]) -> Sequence[DesiredConfig]:
        """Those of these assets that are published, and whose device does not say that it runs the current version."""
        other = func.coalesce(CONFIGS.c.applied_version, -1) != CONFIGS.c.version
        found: list[DesiredConfig] = []
        for some in in_chunks(asset_ids):
            query = select(CONFIGS).where(CONFIGS.c.asset_id.in_(some), ~CONFIGS.c.pending, other)
            found += [_config(row) for row in self._connection.execute(query)]
        return found

    def mark_published(self, asset_id: str, version: int) -> None:
        """Record that the broker holds this version; lower than recorded changes nothing."""
        newer = func.coalesce(CONFIGS.c.published_version, 0) < version
        values = {"published_version": version, "pending": case((CONFIGS.c.version == version, False), else_=True)}
        self._connection.execute(update(CONFIGS).where(CONFIGS.c.asset_id == asset_id, newer).values(values))

    def mark_unpublished(self, asset_id: str) -> None:
        """Forget what was published and what runs: another device was bound, or the broker lost its messages."""
        nothing = {"published_version": None, "applied_version": None, "pending": True}
        self._connection.execute(update(CONFIGS).where(CONFIGS.c.asset_id == asset_id).values(nothing))

    def mark_applied(self, asset_id: str, version: int) -> None:
        """Record the version the device says it runs; unknown assets are ignored."""
        changed = and_(CONFIGS.c.asset_id == asset_id, func.coalesce(CONFIGS.c.applied_version, -1) != version)
        self._connection.execute(update(CONFIGS).where(changed).values(applied_version=version))


def _config(row: Row[Any]) -> DesiredConfig:
    return DesiredConfig(
        asset_id=row.asset_id,
        tenant_id=row.tenant_id,
        kind=row.kind,
        version=row.version,
        body=row.body,
        changed_us=row.changed_us,
        applied_version=row.applied_version,
        published_version=row.published_version,
    )
