"""The gateway's jobs on a registry: how each went survives a restart; twice or late has the same result."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import select

from application.health.faults import SystemFault
from application.ports.cursor_positions import CursorPositions
from application.ports.dead_letters import DeadLetters
from application.ports.job_runs import JobRun, JobRuns
from application.ports.message_ledger import MessageLedger
from devices.time_us import DAY_US
from gateway.jobs import gateway_jobs
from gateway.retention import NamePseudonymiser, RetentionCleanup
from gateway.scheduler import JobScheduler
from storage.registry.engine import SqlRegistry
from storage.registry.metadata import METADATA
from tests.contracts.registry.making import letter

NOW_US = 1_790_000_000_000_000
LANES = ["telemetry:1"]
MINE = ("retention", "names", "ledger", "changes")
"""Reminders are with their own rules: tests/contracts/notifications."""


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else wants the registry between two bites."""
    monkeypatch.setattr("gateway.scheduler.PAUSE_S", 0)


def jobs_at(registry: SqlRegistry, now_us: int) -> JobScheduler:
    """The jobs of a gateway that was just started."""
    parts = SimpleNamespace(
        registry=registry,
        retention=RetentionCleanup(registry, {"dead_letters": 30, "alarms": 30}, lambda: now_us, at_once=2),
        names=NamePseudonymiser(registry, 30, lambda: now_us),
        notifying=SimpleNamespace(queue_reminders=lambda: 0),
    )
    return JobScheduler(gateway_jobs(cast("Any", parts), LANES), lambda: now_us)


def contents(registry: SqlRegistry) -> Mapping[str, list[tuple[Any, ...]]]:
    with registry._reader.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in METADATA.sorted_tables
            if table.name != "deletions"  # says when
        }


def fill(registry: SqlRegistry) -> None:
    with registry.write() as tx:
        tx.get(DeadLetters).add(
            [letter(f"x{day}", received_us=NOW_US - day * DAY_US, tenant_id="kl") for day in range(20, 60, 4)]
        )
        tx.get(MessageLedger).count({("lamp", "messages", c): n for c, n in (("received", 9), ("accepted", 9))})
        for cursor in ("effects", "store"):
            tx.get(CursorPositions).set(f"{cursor}/telemetry:1", 70)


def done(jobs: JobScheduler) -> Mapping[str, int | None]:
    return {run.job: run.done for run in jobs.unsaved()}


def test_how_a_job_went_survives_a_restart(registry: SqlRegistry) -> None:
    runs = [JobRun("ledger", 4, 1, 2, SystemFault.REGISTRY_AWAY, 7), JobRun("retention", None)]
    for _ in range(2):
        with registry.write() as tx:
            tx.get(JobRuns).put(runs)
    with registry.read() as tx:
        assert tx.get(JobRuns).all() == runs


@pytest.mark.parametrize("job", MINE)
def test_a_job_that_runs_twice_does_nothing_the_second_time(registry: SqlRegistry, job: str) -> None:
    fill(registry)
    jobs_at(registry, NOW_US).run(job)
    before = contents(registry)
    again = jobs_at(registry, NOW_US)
    again.run(job)
    assert contents(registry) == before
    assert done(again) == {job: 0}


def test_a_job_that_runs_late_has_done_what_it_would_have_in_time(registry: SqlRegistry) -> None:
    fill(registry)
    late = jobs_at(registry, NOW_US + 8 * DAY_US)
    for job in MINE:
        late.run(job)
    assert done(late) == {"retention": 10 - 1, "names": 0, "ledger": 9, "changes": 0}
    after = contents(registry)
    fill_again(registry)
    for day in range(9):
        in_time = jobs_at(registry, NOW_US + day * DAY_US)
        for job in MINE:
            in_time.run(job)
    assert contents(registry)["dead_letters"] == after["dead_letters"]
    assert contents(registry)["ledger"] == after["ledger"]


def fill_again(registry: SqlRegistry) -> None:
    with registry.write() as tx:
        tx.get(DeadLetters).add(
            [letter(f"x{day}", received_us=NOW_US - day * DAY_US, tenant_id="kl") for day in range(24, 60, 4)]
        )
