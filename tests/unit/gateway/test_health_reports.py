"""What the parts say of themselves."""

import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from application.health.faults import SystemFault
from application.ports.heartbeats import HeartbeatRepository
from application.ports.journal import JournalFill
from devices.samples import RawMessage
from devices.time_us import SECOND_US
from gateway.health_reports import (
    STARTING_S,
    HealthReport,
    broker_probe,
    canary_probe,
    journal_probe,
    now_us,
    receiver_probe,
    scheduler_probe,
)
from gateway.heartbeats import HeartbeatWriter
from gateway.scheduler import TICK_S, JobScheduler
from gateway.watched_loops import WatchedLoops
from storage.journal.sqlite_journal import SqliteJournalReader, SqliteJournalWriter
from storage.registry.engine import open_registry
from tests.real_parts.waiting import wait_until


def fill(used_pct: float) -> JournalFill:
    return JournalFill(round(used_pct * 10_000), 1_000_000, 5, None, 7)


@pytest.mark.parametrize(
    ("used_pct", "level_pct", "fault"),
    [(0, 0, None), (49, 0, None), (50, 50, None), (80, 80, None), (94.9, 80, None), (95, 95, SystemFault.JOURNAL_FULL)],
)
def test_a_journal_is_a_fault_from_95_percent_on(used_pct: float, level_pct: int, fault: SystemFault | None) -> None:
    said = journal_probe(lambda: fill(used_pct), lambda: None)()
    assert (said.fault, said.detail["level_pct"]) == (fault, level_pct)


def test_what_keeps_a_journal_from_being_written_counts_more_than_its_fill() -> None:
    assert journal_probe(lambda: fill(99), lambda: SystemFault.DISK_FULL)().fault is SystemFault.DISK_FULL


def test_a_journal_that_cannot_be_read_is_told_and_keeps_no_other_part_from_telling(tmp_path: Path) -> None:
    message = RawMessage(b"city/v1/kl/streetlight/L01/telemetry", b"{}", 1, False, False, 1000)  # noqa: FBT003
    path, registry = tmp_path / "journal.db", open_registry(f"sqlite:///{tmp_path / 'registry.db'}")
    with closing(SqliteJournalWriter(path, 2**20)) as writer:
        writer.append([message])
    with closing(SqliteJournalReader(path, 2**20)) as reader, closing(registry):
        path.write_bytes(b"no database " * 10_000)
        probes = {
            "gateway": lambda: HealthReport(None, None, {}),
            "journal/control": journal_probe(reader.fill, lambda: None),
        }
        HeartbeatWriter(registry, probes, WatchedLoops(), JobScheduler([], lambda: 0)).write_heartbeats()
        with registry.read() as tx:
            beats = {beat.part: (beat.ok, beat.detail.get("fault")) for beat in tx.get(HeartbeatRepository).all()}
    assert beats == {"gateway": (True, None), "journal/control": (False, SystemFault.JOURNAL_BROKEN)}


@pytest.mark.parametrize(
    ("control", "telemetry", "refused", "fault"),
    [
        (True, True, False, None),
        (False, True, False, SystemFault.BROKER_AWAY),
        (True, False, False, SystemFault.BROKER_AWAY),
        (False, False, True, SystemFault.BROKER_REFUSES),
    ],
)
def test_both_sessions_are_needed(control: bool, telemetry: bool, refused: bool, fault: SystemFault | None) -> None:  # noqa: FBT001
    link = SimpleNamespace(connected=lambda: control, refused=False, last_arrival_us=5, sessions_lost=1)
    receiver = SimpleNamespace(state={"connected": telemetry, "refused": refused, "sessions_lost": 2})
    now_s = [0.0]
    probe = broker_probe(cast("Any", link), cast("Any", receiver), lambda: now_s[0])
    now_s[0] = STARTING_S
    said = probe()
    assert (said.fault, said.success_us, said.detail["sessions_lost"]) == (fault, 5, 3)


def test_a_broker_is_not_away_before_it_can_have_been_there() -> None:
    there = False
    link = SimpleNamespace(connected=lambda: there, refused=False, last_arrival_us=5, sessions_lost=0)
    receiver, now_s = SimpleNamespace(state={"connected": True}), [100.0]
    probe = broker_probe(cast("Any", link), cast("Any", receiver), lambda: now_s[0])
    assert probe().fault is SystemFault.STARTING
    there = True
    assert probe().fault is None
    there = False
    assert probe().fault is SystemFault.BROKER_AWAY, "it was there"


@pytest.mark.parametrize(("silent_s", "fault"), [(1.2, None), (29, None), (31, SystemFault.RECEIVER_SILENT)])
def test_a_receiver_that_says_nothing_is_a_fault(silent_s: float, fault: SystemFault | None) -> None:
    receiver = SimpleNamespace(silent_s=lambda: silent_s, pid=1)
    assert receiver_probe(cast("Any", receiver))().fault is fault


@pytest.mark.parametrize(
    ("age_s", "unread", "fault"),
    [
        (12, None, None),
        (34, SystemFault.STORE_TOKEN, None),
        (36, None, SystemFault.CANARY_LOST),
        (36, SystemFault.STORE_TOKEN, SystemFault.STORE_TOKEN),
    ],
)
def test_a_canary_is_lost_after_three_beats(
    age_s: float, unread: SystemFault | None, fault: SystemFault | None
) -> None:
    seen_us = now_us() - round(age_s * SECOND_US)
    canary = SimpleNamespace(
        age_s=lambda at_us: (at_us - seen_us) / SECOND_US, last_seen_us=seen_us, unread=unread, latency_s=0.1
    )
    assert canary_probe(cast("Any", canary))().fault is fault


def test_a_canary_never_seen_is_a_fault() -> None:
    canary = SimpleNamespace(age_s=lambda _: 1.0, last_seen_us=None, unread=None, latency_s=None)
    assert canary_probe(cast("Any", canary))().fault is SystemFault.CANARY_LOST


def test_a_scheduler_that_stopped_is_a_fault() -> None:
    timer = JobScheduler([], lambda: 1)
    timer.start()
    try:
        wait_until(lambda: timer.last_tick_us is not None, what="a tick")
        assert scheduler_probe(timer)().fault is None
    finally:
        timer.stop()
    before = timer.lag_s()
    wait_until(lambda: timer.lag_s() > max(before, 0), what="its lag grows")
    timer._ticked = time.monotonic() - TICK_S - 31
    assert scheduler_probe(timer)().fault is SystemFault.SCHEDULER_DEAD
