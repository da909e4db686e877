"""The API watches itself: proves that it can write the registry, and notes the installation's health for /metrics."""

import asyncio
from typing import Final

import structlog

from api.change_feed import wait_for
from api.metrics import ApiMetrics
from api.services import Services
from application.audit.entry import OURSELVES, AuditEvent
from application.health.assessment import API, AUDIT, assess_health, registry_away
from application.ports.audit import AuditLog
from application.ports.heartbeats import Heartbeat, HeartbeatRepository
from devices.errors import AuditUnavailable, RegistryUnavailable

EVERY_S: Final = 5.0
_TRIAL: Final = AuditEvent(f"{OURSELVES}api", "", None, "system.trial", "audit/trial")
_LOG = structlog.get_logger()


class _TakenBack(Exception):
    """Ends a transaction without its entry."""


class SelfWatch:
    """Looks each 5 s; its beat grows old when the registry cannot be written, and that is what readiness sees."""

    def __init__(self, services: Services, metrics: ApiMetrics) -> None:
        self._services = services
        self._metrics = metrics
        self._writes = True
        self._records = True

    async def run(self, stopped: asyncio.Event) -> None:
        """Look until `stopped`."""
        while not await wait_for(stopped, EVERY_S):
            await asyncio.to_thread(self.judge_health)

    def judge_health(self) -> None:
        """Write a beat, and one of the audit log; judge what all parts say."""
        self._beat()
        try:
            health = assess_health(self._services.beats(), self._services.now_us())
        except RegistryUnavailable:
            health = registry_away()
        self._metrics.judged(health)

    def _beat(self) -> None:
        try:
            records = self._can_record()
            with self._services.registry.write() as tx:
                # Not older than the wait for the others who write: who is busy is not silent.
                now_us = self._services.now_us()
                tx.get(HeartbeatRepository).put([_beat_of(API, now_us, ok=True), _beat_of(AUDIT, now_us, ok=records)])
        except RegistryUnavailable as error:
            if self._writes:
                _LOG.warning("registry_not_written", reason=str(error))
            self._writes = False
            return
        self._writes = True

    def _can_record(self) -> bool:
        """Append to the audit log, and take it back. Raises RegistryUnavailable for what is not about the log."""
        try:
            with self._services.registry.write() as tx:
                tx.get(AuditLog).append(_TRIAL)
                raise _TakenBack
        except _TakenBack:
            self._records = True
        except AuditUnavailable as error:
            if self._records:
                _LOG.warning("audit_not_written", reason=str(error))
            self._records = False
        return self._records


def _beat_of(part: str, now_us: int, *, ok: bool) -> Heartbeat:
    return Heartbeat(part, now_us, ok=ok, last_success_us=now_us if ok else None, detail={})
