"""What each part of the gateway says of itself: whether it works, its last success, and what is wrong."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from devices.errors import JournalUnavailable
from devices.health.faults import Fault, fault_of
from devices.instants import SECOND_US
from devices.ports.journal import Fill
from gateway.canary import LOST_US, Canary
from gateway.loops import Loop
from gateway.mqtt.connection import Connection
from gateway.receiver import ReceiverProcess
from gateway.timer import Timer

NOTICED_S = 30.0
"""What hangs for so long is told; it ends the gateway a little later (`gateway/loops.py`)."""
NEARLY_FULL_PCT = 95
_LEVELS_PCT = (NEARLY_FULL_PCT, 80, 50)


class Said(NamedTuple):
    """Word of one part; `fault` None means that it works."""

    fault: Fault | None
    success_us: int | None
    detail: Mapping[str, Any]


Probe = Callable[[], Said]


def now_us() -> int:
    """The machine's clock."""
    return time.time_ns() // 1000


def broker_probe(connection: Connection, receiver: ReceiverProcess) -> Probe:
    """Both sessions: control here, telemetry in the receiver."""

    def probe() -> Said:
        state = receiver.state
        control, telemetry = connection.connected(), bool(state.get("connected"))
        newest_us = max(connection.last_arrival_us, int(state.get("last_arrival_us", 0)))
        refused = connection.refused or bool(state.get("refused"))
        away = Fault.BROKER_REFUSES if refused else Fault.BROKER_AWAY
        return Said(
            None if control and telemetry else away,
            newest_us or None,
            {
                "control": control,
                "telemetry": telemetry,
                "sessions_lost": connection.sessions_lost + int(state.get("sessions_lost", 0)),
            },
        )

    return probe


def receiver_probe(receiver: ReceiverProcess) -> Probe:
    """The telemetry receiver: it speaks each second."""

    def probe() -> Said:
        silent_s = receiver.silent_s()
        fault = Fault.RECEIVER_SILENT if silent_s > NOTICED_S else None
        return Said(fault, now_us() - round(silent_s * SECOND_US), {"pid": receiver.pid})

    return probe


def journal_probe(fill: Callable[[], Fill], fault: Callable[[], Fault | None]) -> Probe:
    """One lane: how full it is, and what keeps it from being written or read."""

    def probe() -> Said:
        try:
            nearly_full, detail = journal_state(fill())
        except JournalUnavailable as error:
            return Said(fault() or fault_of(error), None, {})
        return Said(fault() or nearly_full, None, detail)

    return probe


def journal_state(fill: Fill) -> tuple[Fault | None, dict[str, Any]]:
    """A fault from 95 % on, and the numbers; `level_pct` is the highest mark that is passed."""
    used_pct = 100 * fill.bytes / fill.bound_bytes
    level = next((mark for mark in _LEVELS_PCT if used_pct >= mark), 0)
    return Fault.JOURNAL_FULL if level >= NEARLY_FULL_PCT else None, {
        "bytes": fill.bytes,
        "bound_bytes": fill.bound_bytes,
        "used_pct": round(used_pct, 2),
        "level_pct": level,
        "messages": fill.messages,
        "oldest_us": fill.oldest_us,
    }


def canary_probe(canary: Canary) -> Probe:
    """Whether the beat comes through; while the store cannot be read, why."""

    def probe() -> Said:
        lost = canary.age_s(now_us()) * SECOND_US > LOST_US or canary.last_seen_us is None
        fault = (canary.unread or Fault.CANARY_LOST) if lost else None
        return Said(fault, canary.last_seen_us, {"latency_s": canary.latency_s})

    return probe


def scheduler_probe(timer: Timer) -> Probe:
    """Whether the scheduler still ticks."""

    def probe() -> Said:
        lag_s = timer.lag_s()
        return Said(Fault.SCHEDULER_DEAD if lag_s > NOTICED_S else None, timer.last_tick_us, {"lag_s": round(lag_s, 1)})

    return probe


def loop_said(loop: Loop) -> Said:
    """A loop: dead, stuck, waiting for something that is away, or well."""
    fault = loop.fault
    if loop.died is not None:
        fault = Fault.LOOP_DEAD
    elif loop.still_s() > NOTICED_S:
        fault = Fault.LOOP_STUCK
    success_us = now_us() - round((time.monotonic() - loop.last_ok) * SECOND_US)
    return Said(fault, success_us, {"trouble": loop.trouble or "", "failures": loop.failures})
