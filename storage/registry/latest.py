"""Newest values."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, func, select

from application.ports.latest_values import LastContact, LatestValue
from storage.registry.bulk_upserts import BulkUpsert
from storage.registry.cache_revisions import raise_revision, read_revision
from storage.registry.metadata import dump_json
from storage.registry.row_statements import in_chunks
from storage.registry.tables import ASSETS, LATEST

STATUS: Final = "status"
PUT: Final = BulkUpsert(
    LATEST,
    (
        "asset_id",
        "channel",
        "part",
        "kind",
        "tenant_id",
        "ts_us",
        "received_us",
        "field_values",
        "suspect",
        "status",
    ),
    keep={"kind"},  # an asset never changes it, and the index stays untouched
)
# In the order of Latest's fields.
NEWEST: Final = select(
    LATEST.c.asset_id,
    LATEST.c.kind,
    LATEST.c.tenant_id,
    LATEST.c.channel,
    LATEST.c.part,
    LATEST.c.ts_us,
    LATEST.c.received_us,
    LATEST.c.field_values,
    LATEST.c.suspect,
)


class SqlLatestValues:
    """LatestValues; the word of the status channel (`state`) also stands in a column of its own, for lists."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, rows: Sequence[LatestValue]) -> None:
        """Insert or replace; the caller has made sure that each row is newer."""
        if any(row.channel == STATUS for row in rows):
            raise_revision(self._connection, STATUS)
        PUT.run(
            self._connection,
            [
                (
                    row.asset_id,
                    row.channel,
                    row.part,
                    row.kind,
                    row.tenant_id,
                    row.ts_us,
                    row.received_us,
                    dump_json(row.values),
                    row.suspect,
                    row.values.get("state") if row.channel == STATUS else None,
                )
                for row in rows
            ],
        )

    def of_assets(self, asset_ids: Collection[str]) -> Sequence[LatestValue]:
        """All channels and parts of the given assets."""
        order = (LATEST.c.asset_id, LATEST.c.channel, LATEST.c.part)
        return [
            LatestValue(*row)
            for some in in_chunks(asset_ids)
            for row in self._connection.execute(NEWEST.where(LATEST.c.asset_id.in_(some)).order_by(*order))
        ]

    def of_kind(
        self,
        kind: str,
        tenant_ids: Collection[str] | None = None,
        channel: str | None = None,
        asset_ids: Collection[str] | None = None,
    ) -> Sequence[LatestValue]:
        """All rows of a kind but those of retired assets, in order of asset and part."""
        retired = select(ASSETS.c.asset_id).where(ASSETS.c.retired_us.is_not(None))
        query = NEWEST.where(LATEST.c.kind == kind, LATEST.c.asset_id.not_in(retired))
        if tenant_ids is not None:
            query = query.where(LATEST.c.tenant_id.in_(tenant_ids))
        if channel is not None:
            query = query.where(LATEST.c.channel == channel)
        if asset_ids is not None:
            query = query.where(LATEST.c.asset_id.in_(asset_ids))
        query = query.order_by(LATEST.c.asset_id, LATEST.c.part, LATEST.c.channel)
        return [LatestValue(*row) for row in self._connection.execute(query)]

    def heard(
        self, kinds: Collection[str], tenant_ids: Collection[str] | None = None, also: Collection[str] = ()
    ) -> Mapping[str, LastContact]:
        """Connection and last sight of the assets of these kinds, and of those in `also`, by asset."""
        said = func.max(LATEST.c.status)
        query = select(LATEST.c.asset_id, said, func.max(LATEST.c.received_us)).group_by(LATEST.c.asset_id)
        if tenant_ids is not None:
            query = query.where(LATEST.c.tenant_id.in_(tenant_ids))
        rows = list(self._connection.execute(query.where(LATEST.c.kind.in_(kinds))))
        for some in in_chunks(also):
            rows += self._connection.execute(query.where(LATEST.c.asset_id.in_(some)))
        return {asset_id: LastContact(status, last_seen_us) for asset_id, status, last_seen_us in rows}

    def status_revision(self) -> int:
        """As of this transaction."""
        return read_revision(self._connection, STATUS)
