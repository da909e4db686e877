"""Deletes what is over its time, and names of operators after theirs, in small bites; writes down that it did."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from application.audit.entry import NAMES_OUT, OURSELVES, AuditEvent
from application.ports.audit import AuditLog
from application.ports.registry import Registry
from application.ports.retention import DeletionLog, DeletionRecord, PersonIndex, RetentionRepository
from devices.kind_catalog import KindCatalog
from devices.time_us import DAY_US

AT_ONCE: Final = 500
"""Records that one transaction deletes: the registry is held for some ten milliseconds."""
TELEMETRY: Final = "telemetry"
AUDIT: Final = "audit"
EVERY_S: Final = 1800.0
"""Half the time between two runs of the job: one that is early does not find that it is too early."""
_LOG = structlog.get_logger()


class RetentionCleanup:
    """Called by one thread, in bites; goes round all classes of data, not more often than `every_s`."""

    def __init__(
        self,
        registry: Registry,
        days: Mapping[str, int],
        now_us: Callable[[], int],
        *,
        at_once: int = AT_ONCE,
        every_s: float = EVERY_S,
    ) -> None:
        self._registry = registry
        self._days = days
        self._now_us = now_us
        self._at_once = at_once
        self._every_s = every_s
        self._round: deque[str] = deque()
        self._began: float | None = None
        self.dropped = 0
        """Records since start."""

    def step(self) -> bool:
        """Delete some of one class; tells whether more is to do at once. Raises RegistryUnavailable."""
        if not self._round:
            if self._began is not None and time.monotonic() - self._began < self._every_s:
                return False
            self._began = time.monotonic()
            self._round.extend(self._days)
        data_class = self._round[0]
        if self._drop(data_class) < self._at_once:
            self._round.popleft()
        return bool(self._round)

    def _drop(self, data_class: str) -> int:
        now_us = self._now_us()
        before_us = now_us - self._days[data_class] * DAY_US
        with self._registry.write() as tx:
            gone = tx.get(RetentionRepository).drop(data_class, before_us, now_us, self._at_once)
            tx.get(DeletionLog).add(gone)
        dropped = sum(deletion.count for deletion in gone)
        self.dropped += dropped
        if dropped:
            _LOG.info("over_its_time", data_class=data_class, dropped=dropped)
        return dropped


class NamePseudonymiser:
    """Puts pseudonyms for operators some time after; called by one thread, in bites, as the cleanup is."""

    def __init__(
        self,
        registry: Registry,
        days: int,
        now_us: Callable[[], int],
        *,
        at_once: int = AT_ONCE,
        every_s: float = EVERY_S,
    ) -> None:
        self._registry = registry
        self._days = days
        self._now_us = now_us
        self._at_once = at_once
        self._every_s = every_s
        self._done_us: dict[str, int] = {}
        """By place: up to when it was looked through. From the beginning after each start: that finds what is late."""
        self._began: float | None = None
        self._before_us = 0
        self.changed = 0
        """Records since start."""

    def step(self) -> bool:
        """Look through some records of one place; tells whether more is to do at once. Raises RegistryUnavailable."""
        if all(done_us >= self._before_us for done_us in self._done_us.values()) and not self._begin():
            return False
        place = min(self._done_us, key=lambda name: self._done_us[name])
        with self._registry.write() as tx:
            persons = tx.get(PersonIndex)
            span = (self._done_us[place], self._before_us)
            until_us, changed = persons.age(place, *span, self._now_us(), self._at_once)
            if changed and place == AUDIT:
                detail = {"before_us": until_us, "entries": changed}
                tx.get(AuditLog).append(
                    AuditEvent(f"{OURSELVES}gateway", "", None, NAMES_OUT, "privacy/names", detail=detail)
                )
        self._done_us[place] = until_us
        self.changed += changed
        return True

    def _begin(self) -> bool:
        """Begin a round when it is time."""
        if self._began is not None and time.monotonic() - self._began < self._every_s:
            return False
        if not self._done_us:
            with self._registry.read() as tx:
                self._done_us = dict.fromkeys(tx.get(PersonIndex).places(), 0)
        self._began, self._before_us = time.monotonic(), self._now_us() - self._days * DAY_US
        return True


def record_expired(registry: Registry, catalog: KindCatalog, rows: Mapping[str, int], now_us: int) -> None:
    """Write down what a telemetry store dropped, by kind. Raises RegistryUnavailable."""
    found = [
        DeletionRecord(
            now_us, TELEMETRY, kind, None, None, now_us - catalog[kind].limits.raw_retention_days * DAY_US, count
        )
        for kind, count in rows.items()
    ]
    if found:
        with registry.write() as tx:
            tx.get(DeletionLog).add(found)
