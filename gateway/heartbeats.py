"""Writes what the gateway's parts say of themselves, and sums of its books, for readiness, pages and metrics."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from application.ports.commands import CommandRepository
from application.ports.heartbeats import Heartbeat, HeartbeatRepository
from application.ports.job_runs import JobRuns
from application.ports.message_ledger import MessageLedger
from application.ports.registry import Registry, RegistryTransaction
from devices.time_us import HOUR_US
from gateway.health_reports import HealthReport, Probe, loop_said, now_us
from gateway.scheduler import JobScheduler
from gateway.watched_loops import WatchedLoops


@dataclass(frozen=True, slots=True)
class LedgerSums:
    """Sums over all kinds and devices."""

    ledger: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By unit (`messages`, `samples`) and column of LedgerLine."""
    missing: int = 0
    """Messages that devices numbered and that never came."""
    commands: Mapping[str, int] = field(default_factory=dict)
    """Commands of the last hour by delivery state."""


class HeartbeatWriter:
    """Stepped by one thread; `newest` and `sums` may be read by any."""

    def __init__(
        self, registry: Registry, probes: Mapping[str, Probe], loops: WatchedLoops, jobs: JobScheduler
    ) -> None:
        self._registry = registry
        self._probes = probes
        self._loops = loops
        self._jobs = jobs
        self.newest: dict[str, Heartbeat] = {}
        self.sums = LedgerSums()

    def write_heartbeats(self) -> None:
        """Write one beat of each part, and the runs of jobs since."""
        at_us = now_us()
        beats = [_beat(part, probe(), at_us) for part, probe in self._probes.items()]
        beats += [_beat(f"loop/{loop.name}", loop_said(loop), at_us) for loop in self._loops.all()]
        self.newest = {beat.part: beat for beat in beats}
        with self._registry.write() as tx:
            tx.get(HeartbeatRepository).put(beats)
            runs = self._jobs.unsaved()
            tx.get(JobRuns).put(runs)
        self._jobs.saved(runs)
        with self._registry.read() as tx:
            self.sums = _sums(tx, at_us)


def _beat(part: str, said: HealthReport, at_us: int) -> Heartbeat:
    detail = {**said.detail, "fault": said.fault}
    return Heartbeat(part, at_us, said.fault is None, said.success_us, detail)


def _sums(tx: RegistryTransaction, at_us: int) -> LedgerSums:
    ledger: Counter[tuple[str, str]] = Counter()
    books = tx.get(MessageLedger)
    for line in books.lines():
        for column in ("received", "stored", "duplicate", "conflict", "dead_letter", "in_journal"):
            ledger[line.unit, column] += getattr(line, column)
    return LedgerSums(ledger, books.missing(), tx.get(CommandRepository).count_by_delivery(at_us - HOUR_US))
