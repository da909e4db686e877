"""API keys."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update

from application.ports.api_keys import ApiKey
from devices.errors import Conflict, NotFound
from storage.registry.row_statements import insert_new
from storage.registry.tables import API_KEYS


class SqlApiKeys:
    """ApiKeys."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, key: ApiKey) -> None:
        """Store a new key. Raises Conflict when its id or prefix exists."""
        row = {
            "key_id": key.key_id,
            "prefix": key.prefix,
            "secret_sha256": key.secret_sha256,
            "name": key.name,
            "tenant_id": key.tenant_id,
            "scopes": sorted(key.scopes),
            "created_us": key.created_us,
            "expires_us": key.expires_us,
            "last_used_us": key.last_used_us,
            "revoked_us": key.revoked_us,
            "created_by": key.created_by,
        }
        if not insert_new(self._connection, API_KEYS, [row]):
            raise Conflict("key_exists", key=key.key_id)

    def by_prefix(self, prefix: str) -> ApiKey | None:
        """The key with this prefix, revoked or not."""
        row = self._connection.execute(select(API_KEYS).where(API_KEYS.c.prefix == prefix)).one_or_none()
        return None if row is None else _key(row)

    def all(self) -> Sequence[ApiKey]:
        """In order of creation."""
        query = select(API_KEYS).order_by(API_KEYS.c.created_us, API_KEYS.c.key_id)
        return [_key(row) for row in self._connection.execute(query)]

    def touch(self, key_id: str, at_us: int) -> None:
        """Record its use."""
        self._connection.execute(update(API_KEYS).where(API_KEYS.c.key_id == key_id).values(last_used_us=at_us))

    def revoke(self, key_id: str, at_us: int) -> None:
        """Revoke; the first time stays. Raises NotFound."""
        known = update(API_KEYS).where(API_KEYS.c.key_id == key_id)
        first = known.where(API_KEYS.c.revoked_us.is_(None)).values(revoked_us=at_us)
        if self._connection.execute(first).rowcount:
            return
        if self._connection.execute(select(API_KEYS.c.key_id).where(API_KEYS.c.key_id == key_id)).one_or_none() is None:
            raise NotFound(key_id)


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        key_id=row.key_id,
        prefix=row.prefix,
        secret_sha256=row.secret_sha256,
        name=row.name,
        tenant_id=row.tenant_id,
        scopes=frozenset(row.scopes),
        created_us=row.created_us,
        expires_us=row.expires_us,
        last_used_us=row.last_used_us,
        revoked_us=row.revoked_us,
        created_by=row.created_by,
    )
