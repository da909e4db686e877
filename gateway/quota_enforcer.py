"""Keeps those out for a time who say more than their quota allows; brokers follow what it writes to the registry."""

from collections.abc import Callable, Sequence
from typing import Final

import structlog

from application.message_quota import QuotaExceeded, next_pause
from application.ports.quota_pauses import QuotaPauses
from application.ports.registry import Registry
from devices.time_us import SECOND_US

_AT_ONCE: Final = 1000
log = structlog.get_logger()


class QuotaEnforcer:
    """Called often by one thread. `sources` give who exceeded since the last call."""

    def __init__(
        self, registry: Registry, sources: Sequence[Callable[[], Sequence[QuotaExceeded]]], now_us: Callable[[], int]
    ) -> None:
        self._registry = registry
        self._sources = sources
        self._now_us = now_us
        self._waiting: dict[str, QuotaExceeded] = {}
        self.paused = 0
        """Pauses since start."""

    def begin_pauses(self) -> bool:
        """Begin the pauses that are due. Raises RegistryUnavailable: the same are tried again with the next call."""
        for source in self._sources:
            for found in source():
                if len(self._waiting) < _AT_ONCE or found.login in self._waiting:
                    self._waiting[found.login] = found
        if not self._waiting:
            return False
        with self._registry.write() as tx:
            pauses = tx.get(QuotaPauses)
            known = pauses.of_users(self._waiting)
            now_us = self._now_us()
            due = [next_pause(found, known.get(login), now_us) for login, found in self._waiting.items()]
            begun = [pause for pause in due if pause is not None]
            pauses.put(begun)
        self._waiting.clear()
        self.paused += len(begun)
        for pause in begun:
            seconds = (pause.until_us - pause.since_us) // SECOND_US
            log.warning("login_paused", user=pause.user, seconds=seconds, times=pause.times, messages=pause.messages)
        return False
