"""Towns."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from application.ports.tenants import Tenant
from devices.errors import IdUnavailable, NotFound, VersionMismatch
from storage.registry.access_tables import TENANTS
from storage.registry.row_statements import insert_new


class SqlTenantRepository:
    """Tenants."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, tenant: Tenant) -> None:
        """Raises Conflict when the id exists."""
        row = {"tenant_id": tenant.tenant_id, "name": tenant.name, "created_us": tenant.created_us, "version": 1}
        if not insert_new(self._connection, TENANTS, [row]):
            raise IdUnavailable("tenant_id")

    def get(self, tenant_id: str) -> Tenant:
        """Raises NotFound."""
        row = self._connection.execute(select(TENANTS).where(TENANTS.c.tenant_id == tenant_id)).one_or_none()
        if row is None:
            raise NotFound(tenant_id)
        return Tenant(*row)

    def change(self, tenant: Tenant) -> Tenant:
        """Replace the name; returns it with the new version. Raises NotFound, VersionMismatch."""
        read = (TENANTS.c.tenant_id == tenant.tenant_id) & (TENANTS.c.version == tenant.version)
        change = update(TENANTS).where(read).values(name=tenant.name, version=tenant.version + 1)
        if not self._connection.execute(change).rowcount:
            raise VersionMismatch("has_version", name=tenant.tenant_id, version=self.get(tenant.tenant_id).version)
        return self.get(tenant.tenant_id)

    def all(self) -> Sequence[Tenant]:
        """In order of id."""
        return [Tenant(*row) for row in self._connection.execute(select(TENANTS).order_by(TENANTS.c.tenant_id))]
