"""The gateway assembled: two lanes in, two cursors, dispatcher, reactions, canary, heartbeats; all as watched loops."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from devices.catalog import Catalog
from devices.health.faults import Fault
from devices.health.judging import AWAITED
from devices.instants import SECOND_US
from devices.ports.books import Lease
from devices.ports.identity import Identity
from devices.ports.journal import JournalReader
from devices.ports.registry import Registry
from devices.ports.telemetry import TelemetryReader, TelemetryWriter
from gateway.bindings import Bindings
from gateway.canary import Canary
from gateway.decode import Decoder
from gateway.effects.apply import Answers, Apply
from gateway.effects.cursor import EffectsCursor
from gateway.effects.reachability import Reachability
from gateway.effects.views import Views
from gateway.effects.watch import Watch
from gateway.handover import HandOver
from gateway.heartbeats import Heart
from gateway.lane import Lane
from gateway.loops import PATIENCE_S, Loop, Loops
from gateway.mqtt.connection import Connection
from gateway.mqtt.feeder import Feeder
from gateway.notifying.service import Notifying
from gateway.probes import (
    Probe,
    Said,
    broker_probe,
    canary_probe,
    journal_probe,
    loop_said,
    receiver_probe,
    scheduler_probe,
)
from gateway.quota_enforcer import QuotaEnforcer
from gateway.reactions import Reactions
from gateway.receiver import ReceiverProcess
from gateway.replay import Replay
from gateway.retention import Names, Retention, record_expired
from gateway.store_cursor import StoreCursor, VerdictReader
from gateway.timer import Timer
from gateway.write_off import write_off

log = structlog.get_logger()
LEASE_TTL_US = 15 * SECOND_US


def take_lease(registry: Registry, holder: str) -> None:
    """Take or renew the right to be this installation's gateway. Raises LeaseHeld."""
    with registry.write() as tx:
        tx.get(Lease).take(holder, _now_us(), LEASE_TTL_US)


@dataclass(frozen=True, slots=True)
class LaneParts:
    """One lane: its name with the journal's id, a reader per cursor and one for the heartbeat."""

    key: str
    effects_reader: JournalReader
    store_reader: JournalReader
    gauge: JournalReader
    release: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """All that the gateway is made of; built and closed by `runtime/`."""

    catalog: Catalog
    registry: Registry
    writer: TelemetryWriter
    reader: TelemetryReader
    identity: Identity
    verdicts: VerdictReader
    control: LaneParts
    telemetry: LaneParts
    connection: Connection
    feeder: Feeder
    receiver: ReceiverProcess
    answers: Answers
    reactions: Mapping[str, Reactions]
    canary: Canary
    retention: Retention
    names: Names
    dispatch: Mapping[str, Callable[[], object]]
    """Steps of the command dispatcher and the configuration publisher, by name; each about every 100 ms."""
    heard: Callable[[Mapping[str, int]], None]
    """Takes signs of life, by asset, on behalf of those steps."""
    quotas: QuotaEnforcer
    notifying: Notifying
    root: str
    holder: str
    loops: Loops
    awaited: Sequence[str] = ()
    """Parts of other processes that are to be there."""


def _now_us() -> int:
    return time.time_ns() // 1000


class Gateway:
    """Started once, watched by `check`, stopped once."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.loops = parts.loops
        decoder = Decoder(parts.catalog, parts.root)
        bindings = Bindings()
        views = Views(bindings.ownership)
        reachability = Reachability(parts.catalog, bindings, views)
        self.watch = watch = Watch(parts.catalog, reachability, parts.reactions)
        apply = Apply(
            registry=parts.registry,
            bindings=bindings,
            views=views,
            watch=watch,
            reachability=reachability,
            answers=parts.answers,
            reactions=parts.reactions,
            kinds=parts.catalog,
            heard=parts.heard,
        )
        lanes, self.store_cursors = [], {}
        for lane_parts in (parts.control, parts.telemetry):
            handover = HandOver()
            lanes.append((Lane(lane_parts.key, lane_parts.effects_reader, lane_parts.release), handover))
            store_lane = Lane(lane_parts.key, lane_parts.store_reader, lane_parts.release)
            self.store_cursors[lane_parts.key] = StoreCursor(
                lane=store_lane,
                handover=handover,
                verdicts=parts.verdicts,
                decoder=Decoder(parts.catalog, parts.root),
                registry=parts.registry,
                writer=parts.writer,
            )
        self.effects = EffectsCursor(
            lanes=lanes,
            decoder=decoder,
            identity=parts.identity,
            registry=parts.registry,
            bindings=bindings,
            apply=apply,
            now_us=_now_us,
        )
        self.timer = Timer()
        self._stored_us: int | None = None
        self._rolling = self._retaining = False
        self.heart = Heart(parts.registry, self._probes(), self.loops, self.timer)

    def start(self) -> None:
        """Start all loops; the lease is ours already."""
        parts = self._parts
        self.timer.start()
        for loop in (
            Loop("lease", self._renew_lease, 5),
            Loop("journal-control", parts.feeder.step, 0),
            Loop("effects", self._effects, 0.01, 0.002),
            Loop("store", self._store, 0.05, 0.01),
            Loop("reactions", self._react, 1, 1),
            Loop("replay", Replay(parts.registry, parts.feeder, _now_us).step, 1, 0.05),
            Loop("canary", parts.canary.step, 1, 0.25),
            Loop("heartbeats", self.heart.step, 2, 2),
            Loop("retention", parts.retention.step, 60, 0.2),
            Loop("names", parts.names.step, 60, 0.2),
            Loop("quotas", parts.quotas.step, 0.05),
            Loop("notifications", parts.notifying.step, 0.2, 0.1),
            *(Loop(name, step, 0.1, 0.02) for name, step in parts.dispatch.items()),
        ):
            self.loops.start(loop)

    def check(self) -> str | None:
        """What died, or None; called each second."""
        loop = self.loops.dead()
        if loop is not None:
            return f"loop {loop.name}: {loop.died!r}"
        if not self._parts.receiver.alive():
            return "the telemetry receiver"
        if self.timer.lag_s() > PATIENCE_S:
            return "the scheduler"
        return None

    def hanging(self) -> str | None:
        """What hangs, or None; called each second. What hangs cannot be stopped in good order: end the process."""
        loop = self.loops.stuck()
        if loop is not None:
            return f"loop {loop.name}: no sign of life for {loop.still_s():.0f} s"
        if self._parts.receiver.silent_s() > PATIENCE_S:
            return f"the telemetry receiver: silent for {self._parts.receiver.silent_s():.0f} s"
        return None

    def stop(self) -> None:
        """Stop receiving, finish what is under way, give the lease back; bounded by about 10 s."""
        self._parts.receiver.stop()
        late = self.loops.stop()
        self.timer.stop()
        self._parts.notifying.close()
        if late:
            log.warning("loops_late", loops=late)
        self._parts.feeder.close()
        with self._parts.registry.write() as tx:
            tx.get(Lease).release(self._parts.holder)

    def _renew_lease(self) -> None:
        take_lease(self._parts.registry, self._parts.holder)

    def _effects(self) -> int:
        done = self.effects.step()
        if not done and self.effects.clock(due=self.timer.take("rules")):
            done = 1
        self.effects.release({key: cursor.position for key, cursor in self.store_cursors.items()})
        if self.timer.take("identities"):
            self.effects.prune()
        return done

    def _store(self) -> int:
        stored = sum(cursor.step() for cursor in self.store_cursors.values())
        if stored or self._stored_us is None:
            self._stored_us = _now_us()
        return stored or self._housekeeping()

    def _housekeeping(self) -> int:
        """A slice of rollups or retention while nothing waits to be stored; tells whether more is to do."""
        writer = self._parts.writer
        if self.timer.take("ledger"):
            write_off(self._parts.registry, list(self.store_cursors))
        self._rolling = self.timer.take("rollups") or self._rolling
        if self._rolling:
            self._rolling = writer.roll_up(_now_us()) > 0
            return self._rolling
        self._retaining = self.timer.take("retention") or self._retaining
        if self._retaining:
            dropped = writer.apply_retention(_now_us())
            record_expired(self._parts.registry, self._parts.catalog, dropped, _now_us())
            self._retaining = bool(dropped)
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
            "scheduler": scheduler_probe(self.timer),
            "canary": canary_probe(parts.canary),
            "notifications": parts.notifying.said,
        }

    def _said(self) -> Said:
        return Said(None, _now_us(), {"messages": self.effects.messages, AWAITED: list(self._parts.awaited)})

    def _receiver_fault(self) -> Fault | None:
        told = self._parts.receiver.state.get("fault")
        return Fault(told) if told else None

    def _store_said(self) -> Said:
        loop = next((x for x in self.loops.all() if x.name == "store"), None)
        said = loop_said(loop) if loop is not None else Said(None, None, {})
        behind = {key: cursor.position for key, cursor in self.store_cursors.items()}
        return Said(said.fault, self._stored_us, {**said.detail, "positions": behind})
