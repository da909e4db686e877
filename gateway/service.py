"""The gateway assembled: two lanes in, two cursors, dispatcher, reactions, canary, heartbeats; all as watched loops."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from application.health.assessment import AWAITED
from application.health.faults import SystemFault
from application.ports.gateway_lease import GatewayLease
from application.ports.identity import DedupIndex
from application.ports.job_runs import JobRuns
from application.ports.journal import JournalReader
from application.ports.registry import Registry
from application.ports.telemetry import TelemetryReader, TelemetryWriter
from devices.kind_catalog import KindCatalog
from devices.time_us import SECOND_US
from gateway.canary import Canary
from gateway.dead_letter_replay import DeadLetterReplay
from gateway.decode import MessageDecoder
from gateway.effects.cursor import build_effects
from gateway.effects.effects_transaction import AnswerRecorder
from gateway.health_reports import (
    HealthReport,
    Probe,
    broker_probe,
    canary_probe,
    journal_probe,
    loop_said,
    receiver_probe,
    scheduler_probe,
)
from gateway.heartbeats import HeartbeatWriter
from gateway.jobs import gateway_jobs
from gateway.journal_lane import JournalLane
from gateway.mqtt.connection import MqttConnection
from gateway.mqtt.journal_ingest import JournalIngest
from gateway.notifications.service import NotificationService
from gateway.quota_enforcer import QuotaEnforcer
from gateway.reactions import KindReactions
from gateway.receiver import ReceiverProcess
from gateway.retention import NamePseudonymiser, RetentionCleanup, record_expired
from gateway.scheduler import JobScheduler
from gateway.store_cursor import StoreCursor, VerdictReader
from gateway.store_queue import StoreQueue
from gateway.watched_loops import PATIENCE_S, WatchedLoop, WatchedLoops

log = structlog.get_logger()
LEASE_TTL_US = 15 * SECOND_US


def take_lease(registry: Registry, holder: str) -> None:
    """Take or renew the right to be this installation's gateway. Raises LeaseHeld."""
    with registry.write() as tx:
        tx.get(GatewayLease).acquire(holder, _now_us(), LEASE_TTL_US)


@dataclass(frozen=True, slots=True)
class LaneParts:
    """One lane: its name with the journal's id, a reader per cursor and one for the heartbeat."""

    key: str
    effects_reader: JournalReader
    store_reader: JournalReader
    gauge: JournalReader
    release: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class GatewayParts:
    """All that the gateway is made of; built and closed by `runtime/`."""

    catalog: KindCatalog
    registry: Registry
    writer: TelemetryWriter
    reader: TelemetryReader
    identity: DedupIndex
    verdicts: VerdictReader
    control: LaneParts
    telemetry: LaneParts
    connection: MqttConnection
    feeder: JournalIngest
    receiver: ReceiverProcess
    answers: AnswerRecorder
    reactions: Mapping[str, KindReactions]
    canary: Canary
    retention: RetentionCleanup
    names: NamePseudonymiser
    dispatch: Mapping[str, Callable[[], object]]
    """Steps of the command dispatcher and the configuration publisher, by name; each about every 100 ms."""
    heard: Callable[[Mapping[str, int]], None]
    """Takes signs of life, by asset, on behalf of those steps."""
    quotas: QuotaEnforcer
    notifying: NotificationService
    root: str
    holder: str
    loops: WatchedLoops
    awaited: Sequence[str] = ()
    """Parts of other processes that are to be there."""


def _now_us() -> int:
    return time.time_ns() // 1000


class Gateway:
    """Started once, watched by `check`, stopped once."""

    def __init__(self, parts: GatewayParts) -> None:
        self._parts = parts
        self.loops = parts.loops
        store_decoder = MessageDecoder(parts.catalog, parts.root)
        lanes, self.store_cursors = [], {}
        for lane_parts in (parts.control, parts.telemetry):
            handover = StoreQueue()
            lanes.append((JournalLane(lane_parts.key, lane_parts.effects_reader, lane_parts.release), handover))
            store_lane = JournalLane(lane_parts.key, lane_parts.store_reader, lane_parts.release)
            self.store_cursors[lane_parts.key] = StoreCursor(
                lane=store_lane,
                handover=handover,
                verdicts=parts.verdicts,
                decoder=store_decoder,
                registry=parts.registry,
                writer=parts.writer,
            )
        self.effects, self.watch = build_effects(
            lanes=lanes,
            decoder=MessageDecoder(parts.catalog, parts.root),
            catalog=parts.catalog,
            identity=parts.identity,
            registry=parts.registry,
            answers=parts.answers,
            reactions=parts.reactions,
            now_us=_now_us,
            heard=parts.heard,
        )
        self.jobs = JobScheduler(gateway_jobs(parts, list(self.store_cursors)), _now_us)
        self._stored_us: int | None = None
        self._rolling = self._retaining = self._ruling = False
        self._rolled = self._expired = 0
        self.heart = HeartbeatWriter(parts.registry, self._probes(), self.loops, self.jobs)

    def start(self) -> None:
        """Start all loops; the lease is ours already."""
        parts = self._parts
        with parts.registry.read() as tx:
            self.jobs.start(tx.get(JobRuns).all())
        for loop in (
            WatchedLoop("lease", self._renew_lease, 5),
            WatchedLoop("journal-control", parts.feeder.commit_received, 0),
            WatchedLoop("effects", self._effects, 0.01, 0.002),
            WatchedLoop("store", self._store, 0.05, 0.01),
            WatchedLoop("reactions", self._react, 1, 1),
            WatchedLoop("replay", DeadLetterReplay(parts.registry, parts.feeder, _now_us).replay_requested, 1, 0.05),
            WatchedLoop("canary", parts.canary.publish_and_check, 1, 0.25),
            WatchedLoop("heartbeats", self.heart.write_heartbeats, 2, 2),
            WatchedLoop("quotas", parts.quotas.begin_pauses, 0.05),
            WatchedLoop("notifications", parts.notifying.notify_due, 0.2, 0.1),
            *(WatchedLoop(name, step, 0.1, 0.02) for name, step in parts.dispatch.items()),
        ):
            self.loops.start(loop)

    def check(self) -> str | None:
        """What died, or None; called each second."""
        loop = self.loops.dead()
        if loop is not None:
            return f"loop {loop.name}: {loop.died!r}"
        if not self._parts.receiver.alive():
            return "the telemetry receiver"
        if self.jobs.lag_s() > PATIENCE_S:
            return "the scheduler"
        if self.jobs.died is not None:
            return f"job {self.jobs.died}"
        return None

    def hanging(self) -> str | None:
        """What hangs, or None; called each second. What hangs cannot be stopped in good order: end the process."""
        loop = self.loops.stuck()
        if loop is not None:
            return f"loop {loop.name}: no sign of life for {loop.still_s():.0f} s"
        if (job := self.jobs.stuck()) is not None:
            return f"job {job}: no sign of life for {PATIENCE_S:.0f} s"
        if self._parts.receiver.silent_s() > PATIENCE_S:
            return f"the telemetry receiver: silent for {self._parts.receiver.silent_s():.0f} s"
        return None

    def stop(self) -> None:
        """Stop receiving, finish what is under way, give the lease back; bounded by about 10 s."""
        self._parts.receiver.stop()
        late = self.loops.stop()
        self.jobs.stop()
        self._parts.notifying.close()
        if late:
            log.warning("loops_late", loops=late)
        self._parts.feeder.close()
        with self._parts.registry.write() as tx:
            tx.get(GatewayLease).release(self._parts.holder)

    def _renew_lease(self) -> None:
        take_lease(self._parts.registry, self._parts.holder)

    def _effects(self) -> int:
        done = self.effects.run_pass()
        if not done:
            due = self.jobs.begin("rules")
            self._ruling = due or self._ruling
            done = int(self.effects.clock(due=due))
            if self._ruling and not done:
                self._ruling = False
                self.jobs.end("rules")
        self.effects.release({key: cursor.position for key, cursor in self.store_cursors.items()})
        if self.jobs.begin("identities"):
            self.effects.prune()
            self.jobs.end("identities")
        return done

    def _store(self) -> int:
        stored = sum(cursor.store_due() for cursor in self.store_cursors.values())
        if stored or self._stored_us is None:
            self._stored_us = _now_us()
        return stored or self._housekeeping()

    def _housekeeping(self) -> int:
        """A slice of rollups or retention while nothing waits to be stored; tells whether more is to do."""
        writer = self._parts.writer
        self._rolling = self.jobs.begin("rollups") or self._rolling
        if self._rolling:
            rolled = writer.roll_up(_now_us())
            self._rolled += rolled
            self._rolling = rolled > 0
            if not self._rolling:
                self.jobs.end("rollups", self._rolled)
                self._rolled = 0
            return self._rolling
        self._retaining = self.jobs.begin("telemetry_retention") or self._retaining
        if self._retaining:
            dropped = writer.apply_retention(_now_us())
            record_expired(self._parts.registry, self._parts.catalog, dropped, _now_us())
            self._expired += sum(dropped.values())
            self._retaining = bool(dropped)
            if not self._retaining:
                self.jobs.end("telemetry_retention", self._expired)
                self._expired = 0
        return self._retaining

    def _react(self) -> None:
        for reactions in self._parts.reactions.values():
            reactions.work(_now_us())

    def _probes(self) -> dict[str, Probe]:
        parts = self._parts
        return {
            "gateway": self._said,
            "receiver": receiver_probe(parts.receiver),
            "broker": broker_probe(parts.connection, parts.receiver),
            "journal/control": journal_probe(parts.control.gauge.fill, lambda: parts.feeder.fault),
            "journal/telemetry": journal_probe(parts.telemetry.gauge.fill, self._receiver_fault),
            "store": self._store_said,
            "scheduler": scheduler_probe(self.jobs),
            "canary": canary_probe(parts.canary),
            "notifications": parts.notifying.said,
        }

    def _said(self) -> HealthReport:
        return HealthReport(None, _now_us(), {"messages": self.effects.messages, AWAITED: list(self._parts.awaited)})

    def _receiver_fault(self) -> SystemFault | None:
        told = self._parts.receiver.state.get("fault")
        return SystemFault(told) if told else None

    def _store_said(self) -> HealthReport:
        loop = next((x for x in self.loops.all() if x.name == "store"), None)
        said = loop_said(loop) if loop is not None else HealthReport(None, None, {})
        behind = {key: cursor.position for key, cursor in self.store_cursors.items()}
        return HealthReport(said.fault, self._stored_us, {**said.detail, "positions": behind})
