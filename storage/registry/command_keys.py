"""Idempotency keys of commands."""

import time
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, delete, select, text

from devices.commands.command import Command
from devices.errors import Conflict
from devices.time_us import DAY_US
from storage.registry.row_statements import insert_new
from storage.registry.tables import COMMAND_KEYS

KEYS = COMMAND_KEYS
KEPT_US: Final = DAY_US
SAME_KEY: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:issuer || chr(31) || :key, 0))")


class CommandKeys:
    """Which commands were filed under which key; kept 24 h by the machine's clock, whatever the commands say."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, command: Command, key: str, digest: str, command_ids: Sequence[str]) -> None:
        """Remember. Raises Conflict when the issuer's key is in use."""
        now_us = time.time_ns() // 1000
        self._connection.execute(delete(KEYS).where(KEYS.c.filed_us < now_us - KEPT_US))
        row = {
            "issuer": command.issuer,
            "idempotency_key": key,
            "tenant_id": command.tenant_id,
            "request_digest": digest,
            "command_ids": command_ids,
            "filed_us": now_us,
        }
        if not insert_new(self._connection, KEYS, [row]):
            raise Conflict("key_in_use", key=key, field="Idempotency-Key")

    def get(self, issuer: str, key: str) -> tuple[str, Sequence[str]] | None:
        """Digest and command ids. In a transaction that writes, others with this key wait until its end."""
        if self._connection.dialect.name == "postgresql" and not self._reads_only():
            self._connection.execute(SAME_KEY, {"issuer": issuer, "key": key})
        mine = (KEYS.c.issuer == issuer) & (KEYS.c.idempotency_key == key)
        fresh = KEYS.c.filed_us >= time.time_ns() // 1000 - KEPT_US
        query = select(KEYS.c.request_digest, KEYS.c.command_ids).where(mine, fresh)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else (row.request_digest, row.command_ids)

    def _reads_only(self) -> bool:
        return bool(self._connection.get_execution_options().get("postgresql_readonly"))
