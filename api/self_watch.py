"""The API watches itself: proves that it can write the registry, and notes the installation's health for /metrics."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from api.metrics import Metrics
from api.services import Services
from api.tail import wait_for
from devices.errors import RegistryUnavailable
from devices.health.judging import API, judge, registry_away
from devices.ports.books import Heartbeat, Heartbeats
from devices.ports.registry import Registry

EVERY_S: Final = 5.0
_LOG = structlog.get_logger()


def beats_of(registry: Registry) -> Sequence[Heartbeat]:
    """All heartbeats. Raises RegistryUnavailable."""
    with registry.read() as tx:
        return tx.get(Heartbeats).all()


class SelfWatch:
    """Looks each 5 s; its beat grows old when the registry cannot be written, and that is what readiness sees."""

    def __init__(self, services: Services, metrics: Metrics) -> None:
        self._services = services
        self._metrics = metrics
        self._writes = True

    async def run(self, stopped: asyncio.Event) -> None:
        """Look until `stopped`."""
        while not await wait_for(stopped, EVERY_S):
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """Write one beat, judge what all parts say."""
        now_us = self._services.now_us()
        self._beat(now_us)
        try:
            health = judge(beats_of(self._services.registry), now_us)
        except RegistryUnavailable:
            health = registry_away()
        self._metrics.judged(health)

    def _beat(self, now_us: int) -> None:
        try:
            with self._services.registry.write() as tx:
                tx.get(Heartbeats).put([Heartbeat(API, now_us, ok=True, last_success_us=now_us, detail={})])
        except RegistryUnavailable as error:
            if self._writes:
                _LOG.warning("registry_not_written", reason=str(error))
            self._writes = False
            return
        self._writes = True
