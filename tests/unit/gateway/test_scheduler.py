"""Jobs by the clock: twice or late has the same result, and how each went is known."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers.base import BaseScheduler

from application.health.faults import SystemFault, fault_of
from application.ports.job_runs import JobRun
from devices.errors import RegistryUnavailable
from devices.time_us import SECOND_US
from gateway.scheduler import DEFAULTS, JobBite, JobScheduler, LateTrigger, ScheduledJob, first_due_us

NOW_US = 1_790_000_000_000_000
HOURLY = ScheduledJob("retention", 3600, lambda: JobBite(0))


def scheduler(step: Callable[[], JobBite] | None) -> JobScheduler:
    return JobScheduler([ScheduledJob("retention", 3600, step)], lambda: NOW_US)


def run_of(jobs: JobScheduler) -> JobRun:
    (run,) = jobs.unsaved()
    return run


def test_many_missed_runs_are_one_and_a_late_one_is_not_left_out() -> None:
    assert DEFAULTS == {"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
    jobs = scheduler(lambda: JobBite(0))
    assert isinstance(jobs._scheduler, BaseScheduler)
    jobs.start()
    try:
        job = jobs._scheduler.get_job("retention")
        assert {name: getattr(job, name) for name in DEFAULTS} == DEFAULTS
    finally:
        jobs.stop()


@pytest.mark.parametrize(
    ("last", "due_s"),
    [
        (None, 20),
        (JobRun("retention", None), 20),
        (JobRun("retention", None, NOW_US - 600 * SECOND_US, NOW_US, None, 3), 3000),
        (JobRun("retention", None, NOW_US - 86_400 * SECOND_US, NOW_US, None, 3), 20),
        (JobRun("retention", None, NOW_US - 600 * SECOND_US, NOW_US, SystemFault.REGISTRY_AWAY, 0), 20),
        (JobRun("retention", None, NOW_US + 600 * SECOND_US, NOW_US, None, 3), 20),
    ],
)
def test_after_a_restart_a_job_is_due_when_it_was_or_soon(last: JobRun | None, due_s: int) -> None:
    assert first_due_us(HOURLY, last, NOW_US) == NOW_US + due_s * SECOND_US


def test_a_run_goes_on_in_bites_and_is_told_with_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.scheduler.PAUSE_S", 0)
    bites = iter([JobBite(500, more=True), JobBite(0, more=True), JobBite(7)])
    jobs = scheduler(lambda: next(bites))
    jobs.run("retention")
    run = run_of(jobs)
    assert (run.done, run.fault, run.began_us, run.ended_us) == (507, None, NOW_US, NOW_US)
    jobs.saved([run])
    assert jobs.unsaved() == []


def test_what_cannot_be_done_now_is_told_and_tried_again_soon() -> None:
    def away() -> JobBite:
        raise RegistryUnavailable("no connection")

    jobs = scheduler(away)
    jobs.run("retention")
    run = run_of(jobs)
    assert run.fault is fault_of(RegistryUnavailable())
    assert run.next_us == NOW_US + 60 * SECOND_US
    assert (jobs.died, jobs.stuck()) == (None, None)


def test_an_error_of_ours_ends_the_gateway_loudly() -> None:
    jobs = scheduler(lambda: JobBite(1 // 0))
    jobs.run("retention")
    assert jobs.died == "retention: ZeroDivisionError('integer division or modulo by zero')"


def test_a_bite_that_hangs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.scheduler.PATIENCE_S", -1.0)
    seen = []

    def step() -> JobBite:
        seen.append(jobs.stuck())
        return JobBite(0)

    jobs = scheduler(step)
    jobs.run("retention")
    assert seen == ["retention"]
    assert jobs.stuck() is None


def test_a_job_of_a_loop_is_begun_once_and_ended_by_it() -> None:
    jobs = scheduler(None)
    assert jobs.begin("retention") is False
    jobs.run("retention")
    jobs.run("retention")
    assert [jobs.begin("retention"), jobs.begin("retention")] == [True, False]
    assert jobs.unsaved() == []
    jobs.end("retention", 3)
    assert run_of(jobs).done == 3


def test_a_loop_that_does_not_count_what_it_changed_says_no_number() -> None:
    jobs = scheduler(None)
    jobs.run("retention")
    assert jobs.begin("retention") is True
    jobs.end("retention")
    assert (run_of(jobs).done, run_of(jobs).ended_us) == (None, NOW_US)


def test_the_scheduler_runs_what_fell_due_once_and_keeps_its_plan() -> None:
    ran = threading.Event()

    def step() -> JobBite:
        ran.set()
        return JobBite(1)

    jobs = JobScheduler([ScheduledJob("ledger", 1, step)], lambda: NOW_US)
    jobs.start([JobRun("ledger", NOW_US, NOW_US - 3600 * SECOND_US, NOW_US, None, 5)])
    try:
        assert ran.wait(30)
    finally:
        jobs.stop()
    run = run_of(jobs)
    assert run.done == 1
    assert run.next_us is not None


def test_after_a_leap_of_the_clock_what_was_missed_is_one_run_and_not_counted_out() -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    leapt = began + timedelta(days=20_000, seconds=7)
    trigger = LateTrigger(seconds=5, timezone="UTC")
    assert trigger.get_next_fire_time(began, began) == began + timedelta(seconds=5)
    assert trigger.get_next_fire_time(began, leapt) == leapt + timedelta(seconds=3)
    assert trigger.get_next_fire_time(leapt, began) == leapt + timedelta(seconds=5)
