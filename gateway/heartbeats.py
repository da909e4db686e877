"""Writes what the gateway's parts say of themselves, and sums of its books, for readiness, pages and metrics."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from devices.instants import HOUR_US
from devices.ports.books import Changes, Heartbeat, Heartbeats, Ledger
from devices.ports.commands import Commands
from devices.ports.registry import Registry, Transaction
from gateway.loops import Loops
from gateway.probes import Probe, Said, loop_said, now_us
from gateway.timer import Timer


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over all kinds and devices."""

    ledger: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By unit (`messages`, `samples`) and column of LedgerLine."""
    missing: int = 0
    """Messages that devices numbered and that never came."""
    commands: Mapping[str, int] = field(default_factory=dict)
    """Commands of the last hour by delivery state."""


class Heart:
    """Stepped by one thread; `newest` and `sums` may be read by any."""

    def __init__(self, registry: Registry, probes: Mapping[str, Probe], loops: Loops, timer: Timer) -> None:
        self._registry = registry
        self._probes = probes
        self._loops = loops
        self._timer = timer
        self.newest: dict[str, Heartbeat] = {}
        self.sums = Sums()

    def step(self) -> None:
        """Write one beat of each part."""
        at_us = now_us()
        beats = [_beat(part, probe(), at_us) for part, probe in self._probes.items()]
        beats += [_beat(f"loop/{loop.name}", loop_said(loop), at_us) for loop in self._loops.all()]
        self.newest = {beat.part: beat for beat in beats}
        with self._registry.write() as tx:
            tx.get(Heartbeats).put(beats)
            if self._timer.take("changes"):
                tx.get(Changes).trim()
        with self._registry.read() as tx:
            self.sums = _sums(tx, at_us)


def _beat(part: str, said: Said, at_us: int) -> Heartbeat:
    detail = {**said.detail, "fault": said.fault}
    return Heartbeat(part, at_us, said.fault is None, said.success_us, detail)


def _sums(tx: Transaction, at_us: int) -> Sums:
    ledger: Counter[tuple[str, str]] = Counter()
    books = tx.get(Ledger)
    for line in books.lines():
        for column in ("received", "stored", "duplicate", "conflict", "dead_letter", "in_journal"):
            ledger[line.unit, column] += getattr(line, column)
    return Sums(ledger, books.missing(), tx.get(Commands).count_by_delivery(at_us - HOUR_US))
