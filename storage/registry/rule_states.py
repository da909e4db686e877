"""What rules remember."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import Connection, select

from storage.registry.bulk_upserts import BulkUpsert
from storage.registry.metadata import dump_json
from storage.registry.row_statements import in_chunks
from storage.registry.tables import RULE_STATES

PUT: Final = BulkUpsert(RULE_STATES, ("asset_id", "states"))


class SqlRuleStates:
    """RuleStates, one row per asset."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def load(self, asset_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """State by asset id, then by rule name."""
        states: dict[str, dict[str, Any]] = {}
        for some in in_chunks(asset_ids):
            query = select(RULE_STATES.c.asset_id, RULE_STATES.c.states).where(RULE_STATES.c.asset_id.in_(some))
            states.update((row.asset_id, row.states) for row in self._connection.execute(query))
        return states

    def put(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace the states of the given assets."""
        PUT.run(self._connection, [(asset_id, dump_json(of_rules)) for asset_id, of_rules in states.items()])
