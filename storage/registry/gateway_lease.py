"""The lease of the one gateway."""

from typing import Final

from sqlalchemy import Connection, text, update

from devices.errors import LeaseHeld
from storage.registry.tables import LEASES

GATEWAY: Final = "gateway"
TAKE: Final = text("""
    INSERT INTO leases (name, holder, fence, expires_us) VALUES (:name, :holder, 1, :expires_us)
    ON CONFLICT (name) DO UPDATE SET
        fence = CASE WHEN leases.holder = excluded.holder THEN leases.fence ELSE leases.fence + 1 END,
        holder = excluded.holder,
        expires_us = excluded.expires_us
    WHERE leases.holder IS NULL OR leases.holder = excluded.holder OR leases.expires_us <= :now_us
    RETURNING fence
""")


class SqlGatewayLease:
    """Lease; the fencing number rises whenever the holder changes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def acquire(self, holder: str, now_us: int, ttl_us: int) -> int:
        """Take or renew; returns the fencing number. Raises LeaseHeld while another holder's lease runs."""
        values = {"name": GATEWAY, "holder": holder, "now_us": now_us, "expires_us": now_us + ttl_us}
        fence: int | None = self._connection.execute(TAKE, values).scalar_one_or_none()
        if fence is None:
            raise LeaseHeld
        return fence

    def release(self, holder: str) -> None:
        """Give it back at an orderly end; nothing happens when another holds it."""
        mine = (LEASES.c.name == GATEWAY) & (LEASES.c.holder == holder)
        self._connection.execute(update(LEASES).where(mine).values(holder=None, expires_us=0))
