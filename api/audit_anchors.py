"""Keeps the audit log's anchors outside the database, and puts refusals on record."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from api.change_feed import wait_for
from api.refusal_audit import RefusalCounter, refusal_events
from api.services import Services
from application.audit.entry import ANCHORS_LOST, OURSELVES, AuditAnchor, AuditEntry, AuditEvent
from application.ports.audit import AnchorStore, AuditLog
from devices.errors import RegistryUnavailable
from devices.time_us import MINUTE_US

ANCHOR_S: Final = 1.0
REFUSALS_EVERY: Final = 10
"""Looks at the anchors for one at the refusals."""
NEW_US: Final = 5 * MINUTE_US
_LOG = structlog.get_logger()


class AuditKeeper:
    """Runs beside the requests; a tail cut off a second or more after it was written is found."""

    def __init__(self, services: Services, refusals: RefusalCounter, every_s: float = ANCHOR_S) -> None:
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
                for deed in refusal_events(tx, drained):
                    tx.get(AuditLog).append(deed)
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
                head, first = tx.get(AuditLog).head(), tx.get(AuditLog).after(0, 1)
            if head is not None and head.seal.mac != self._anchored:
                if self._gone(self._services.anchors, first):
                    head = self._record_loss(head)
                self._services.anchors.add(_anchor(head))
                self._anchored = head.seal.mac
        except (RegistryUnavailable, OSError) as error:
            _LOG.warning("audit_not_anchored", error=str(error))

    def _gone(self, anchors: AnchorStore, first: Sequence[AuditEntry]) -> bool:
        """Whether anchors are missing that once were there; a chain that has just begun has none yet."""
        if next(iter(anchors.all()), None) is not None:
            return False
        begun_us = self._services.now_us() - NEW_US
        return self._anchored is not None or any(e.at_us is not None and e.at_us < begun_us for e in first)

    def _record_loss(self, head: AuditEntry) -> AuditEntry:
        """Begin anew, but never unseen: whoever cuts the chain may have taken the anchors away."""
        _LOG.error("audit_anchors_lost", entries=head.seq)
        detail = {"entries": head.seq}
        deed = AuditEvent(f"{OURSELVES}api", "", None, ANCHORS_LOST, "audit/anchors", detail=detail)
        with self._services.registry.write() as tx:
            return tx.get(AuditLog).append(deed)


def _anchor(head: AuditEntry) -> AuditAnchor:
    return AuditAnchor(head.seq, head.seal.mac, head.at_us or 0)
