"""Credentials of devices."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update

from application.ports.credentials import CredentialType, DeviceCredential
from devices.errors import IdUnavailable, NotFound
from storage.registry.cache_revisions import CREDENTIALS as SUBJECT
from storage.registry.cache_revisions import raise_revision, read_revision
from storage.registry.row_statements import in_chunks, upsert_rows
from storage.registry.tables import CREDENTIALS


class SqlCredentialRepository:
    """Credentials."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, credentials: Sequence[DeviceCredential]) -> None:
        """Store; replaces the device's credential and keeps its `created_us`. Raises Conflict."""
        known = self.of_devices([c.device_id for c in credentials])
        for new in credentials:
            old = known.get(new.device_id)
            if old is not None and old.revoked_us is None and old.user != new.user:
                raise IdUnavailable("device_id", new.device_id)
        rows = [
            {
                "device_id": c.device_id,
                "tenant_id": c.tenant_id,
                "kind": c.kind,
                "way": c.way.value,
                "proof": c.proof,
                "created_us": c.created_us,
                "issued_us": c.issued_us,
                "issued_by": c.issued_by,
                "expires_us": c.expires_us,
                "revoked_us": c.revoked_us,
            }
            for c in credentials
        ]
        upsert_rows(self._connection, CREDENTIALS, rows, keep={"created_us"})
        raise_revision(self._connection, SUBJECT)

    def get(self, user: str) -> DeviceCredential:
        """Raises NotFound."""
        found = self._one(user)
        if found is None:
            raise NotFound(user)
        return found

    def of_devices(self, device_ids: Collection[str]) -> dict[str, DeviceCredential]:
        """By device id, revoked ones too."""
        found: dict[str, DeviceCredential] = {}
        for some in in_chunks(device_ids):
            for credential in self._all(select(CREDENTIALS).where(CREDENTIALS.c.device_id.in_(some))):
                found[credential.device_id] = credential
        return found

    def valid(self) -> Sequence[DeviceCredential]:
        """All that are not revoked, in order of tenant, kind and device."""
        table = CREDENTIALS.c
        valid = select(CREDENTIALS).where(table.revoked_us.is_(None))
        return self._all(valid.order_by(table.tenant_id, table.kind, table.device_id))

    def revoke(self, user: str, at_us: int) -> None:
        """Revoke; the first time stays. Raises NotFound."""
        credential = self.get(user)
        if credential.revoked_us is None:
            this = update(CREDENTIALS).where(CREDENTIALS.c.device_id == credential.device_id)
            self._connection.execute(this.values(revoked_us=at_us))
            raise_revision(self._connection, SUBJECT)

    def revision(self) -> int:
        """Number that rises with every change; brokers follow it."""
        return read_revision(self._connection, SUBJECT)

    def _one(self, user: str) -> DeviceCredential | None:
        tenant, _, rest = user.partition("/")
        kind, _, device = rest.partition("/")
        found = self._all(select(CREDENTIALS).where(CREDENTIALS.c.device_id == device))
        return next((c for c in found if (c.tenant_id, c.kind) == (tenant, kind)), None)

    def _all(self, query: Select[Any]) -> list[DeviceCredential]:
        return [_credential(row) for row in self._connection.execute(query)]


def _credential(row: Row[Any]) -> DeviceCredential:
    return DeviceCredential(
        tenant_id=row.tenant_id,
        kind=row.kind,
        device_id=row.device_id,
        way=CredentialType(row.way),
        proof=row.proof,
        created_us=row.created_us,
        issued_us=row.issued_us,
        issued_by=row.issued_by,
        expires_us=row.expires_us,
        revoked_us=row.revoked_us,
    )
