"""What each part of the gateway says of itself: whether it works, its last success, and what is wrong."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from application.health.faults import SystemFault, fault_of
from application.ports.journal import JournalFill
from devices.errors import JournalUnavailable
from devices.time_us import SECOND_US
from gateway.canary import LOST_US, Canary
from gateway.mqtt.connection import MqttConnection
from gateway.receiver import ReceiverProcess
from gateway.scheduler import JobScheduler
from gateway.watched_loops import WatchedLoop

NOTICED_S = 30.0
"""What hangs for so long is told; it ends the gateway a little later (`gateway/watched_loops.py`)."""
STARTING_S = 10.0
"""So long a first connection to the broker may take: it starts beside the gateway."""
NEARLY_FULL_PCT = 95
_LEVELS_PCT = (NEARLY_FULL_PCT, 80, 50)


class HealthReport(NamedTuple):
    """Word of one part; `fault` None means that it works."""

    fault: SystemFault | None
    success_us: int | None
    detail: Mapping[str, Any]


Probe = Callable[[], HealthReport]


def now_us() -> int:
    """The machine's clock."""
    return time.time_ns() // 1000


def broker_probe(
    connection: MqttConnection, receiver: ReceiverProcess, clock_s: Callable[[], float] = time.monotonic
) -> Probe:
    """Both sessions: control here, telemetry in the receiver."""
    starts_until_s = clock_s() + STARTING_S

    def probe() -> HealthReport:
        nonlocal starts_until_s
        state = receiver.state
        control, telemetry = connection.connected(), bool(state.get("connected"))
        newest_us = max(connection.last_arrival_us, int(state.get("last_arrival_us", 0)))
        refused = connection.refused or bool(state.get("refused"))
        away = SystemFault.STARTING if clock_s() < starts_until_s else SystemFault.BROKER_AWAY
        if control and telemetry:
            starts_until_s = 0
        return HealthReport(
            None if control and telemetry else SystemFault.BROKER_REFUSES if refused else away,
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

    def probe() -> HealthReport:
        silent_s = receiver.silent_s()
        fault = SystemFault.RECEIVER_SILENT if silent_s > NOTICED_S else None
        return HealthReport(fault, now_us() - round(silent_s * SECOND_US), {"pid": receiver.pid})

    return probe


def journal_probe(fill: Callable[[], JournalFill], fault: Callable[[], SystemFault | None]) -> Probe:
    """One lane: how full it is, and what keeps it from being written or read."""

    def probe() -> HealthReport:
        try:
            nearly_full, detail = journal_state(fill())
        except JournalUnavailable as error:
            return HealthReport(fault() or fault_of(error), None, {})
        return HealthReport(fault() or nearly_full, None, detail)

    return probe


def journal_state(fill: JournalFill) -> tuple[SystemFault | None, dict[str, Any]]:
    """A fault from 95 % on, and the numbers; `level_pct` is the highest mark that is passed."""
    used_pct = 100 * fill.bytes / fill.bound_bytes
    level = next((mark for mark in _LEVELS_PCT if used_pct >= mark), 0)
    return SystemFault.JOURNAL_FULL if level >= NEARLY_FULL_PCT else None, {
        "bytes": fill.bytes,
        "bound_bytes": fill.bound_bytes,
        "used_pct": round(used_pct, 2),
        "level_pct": level,
        "messages": fill.messages,
        "oldest_us": fill.oldest_us,
    }


def canary_probe(canary: Canary) -> Probe:
    """Whether the beat comes through; while the store cannot be read, why."""

    def probe() -> HealthReport:
        lost = canary.age_s(now_us()) * SECOND_US > LOST_US or canary.last_seen_us is None
        fault = (canary.unread or SystemFault.CANARY_LOST) if lost else None
        return HealthReport(fault, canary.last_seen_us, {"latency_s": canary.latency_s})

    return probe


def scheduler_probe(jobs: JobScheduler) -> Probe:
    """Whether the scheduler still ticks."""

    def probe() -> HealthReport:
        lag_s = jobs.lag_s()
        return HealthReport(
            SystemFault.SCHEDULER_DEAD if lag_s > NOTICED_S else None, jobs.last_tick_us, {"lag_s": round(lag_s, 1)}
        )

    return probe


def loop_said(loop: WatchedLoop) -> HealthReport:
    """A loop: dead, stuck, waiting for something that is away, or well."""
    fault = loop.fault
    if loop.died is not None:
        fault = SystemFault.LOOP_DEAD
    elif loop.still_s() > NOTICED_S:
        fault = SystemFault.LOOP_STUCK
    success_us = now_us() - round((time.monotonic() - loop.last_ok) * SECOND_US)
    return HealthReport(fault, success_us, {"trouble": loop.trouble or "", "failures": loop.failures})
