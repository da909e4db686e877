"""Keeps the audit log's anchors outside the database, and puts refusals on record."""

import asyncio
from typing import Final

import structlog

from api.refusals import Refusals, deeds
from api.services import Services
from api.tail import wait_for
from devices.audit.entry import Anchor, AuditEntry
from devices.errors import RegistryUnavailable
from devices.ports.audit import Audit

ANCHOR_S: Final = 1.0
REFUSALS_EVERY: Final = 10
"""Looks at the anchors for one at the refusals."""
_LOG = structlog.get_logger()


class AuditKeeper:
    """Runs beside the requests; a tail cut off a second or more after it was written is found."""

    def __init__(self, services: Services, refusals: Refusals, every_s: float = ANCHOR_S) -> None:
        self._services = services
        self._refusals = refusals
        self._every_s = every_s
        self._anchored: str | None = None

    async def run(self, stopped: asyncio.Event) -> None:
        """Run until stopped; then once more."""
        ended, looks = False, 0
        while not ended:
            ended = await wait_for(stopped, self._every_s)
            looks += 1
            if ended or looks % REFUSALS_EVERY == 0:
                await asyncio.to_thread(self.record_refusals)
            await asyncio.to_thread(self.anchor)

    def record_refusals(self) -> None:
        """Append what was refused since the last time."""
        drained = self._refusals.drain(self._services.now_us())
        if not drained:
            return
        try:
            with self._services.registry.write() as tx:
                for deed in deeds(tx, drained):
                    tx.get(Audit).append(deed)
        except RegistryUnavailable as error:
            times = sum(times for _, times, _ in drained)
            self._refusals.lost(times)
            _LOG.warning("refusals_not_recorded", times=times, error=str(error))

    def anchor(self) -> None:
        """Write down where the chain ends, when it has grown."""
        if self._services.anchors is None:
            return
        try:
            with self._services.registry.read() as tx:
                head = tx.get(Audit).head()
            if head is not None and head.seal.mac != self._anchored:
                self._services.anchors.add(_anchor(head))
                self._anchored = head.seal.mac
        except (RegistryUnavailable, OSError) as error:
            _LOG.warning("audit_not_anchored", error=str(error))


def _anchor(head: AuditEntry) -> Anchor:
    return Anchor(head.seq, head.seal.mac, head.at_us or 0)
