"""Newest samples of links on the registry database."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, select

from devices.event_network.recent_samples import RecentSamples
from storage.kinds.event_network.tables import LINKS
from storage.registry.row_statements import in_chunks, upsert_rows


class SqlRecentLinks:
    """Links on the transaction's connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, links: Sequence[RecentSamples]) -> None:
        """Insert or replace by asset and part."""
        rows = [
            {"asset_id": r.asset_id, "part": r.part, "tenant_id": r.tenant_id, "counted": r.counted, "others": r.others}
            for r in links
        ]
        upsert_rows(self._connection, LINKS, rows)

    def of_assets(self, asset_ids: Collection[str]) -> Sequence[RecentSamples]:
        """All links of the given assets."""
        queries = (select(LINKS).where(LINKS.c.asset_id.in_(some)) for some in in_chunks(asset_ids))
        return [
            RecentSamples(
                row.asset_id,
                row.part,
                row.tenant_id,
                [(at_us, values) for at_us, values in row.counted],
                {name: (at_us, value) for name, (at_us, value) in row.others.items()},
            )
            for query in queries
            for row in self._connection.execute(query.order_by(LINKS.c.asset_id, LINKS.c.part))
        ]
