"""The jobs: what is done by the clock, each with a name, its next run and its last result (APScheduler).

A job brings about what ought to be by now, however long ago it ran: twice or late has the same result. Several runs
that were missed are one (`coalesce`), one that is late is never left out (no grace time), and none overtakes itself.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from application.health.faults import fault_of
from application.ports.job_runs import JobRun
from devices.time_us import SECOND_US, from_us
from gateway.watched_loops import PASSING, PATIENCE_S

log = structlog.get_logger()
TICK_S: Final = 5
AGAIN_S: Final = 60
"""After a run that could not do its work, or sooner where the job is due sooner."""
PAUSE_S: Final = 0.2
"""Between two bites of a job: others want the registry, too."""
DEFAULTS: Final = {"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
ENDS_S: Final = 8.0
SETTLED_S: Final = 20.0
"""After a start, before the first of what was missed meanwhile."""


class JobBite(NamedTuple):
    """A piece of a run: how much it changed, and whether more is to do."""

    done: int
    more: bool = False


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """`step` does a bite, each short. None: the loop whose thread alone may do it asks `begin`, and tells `end`."""

    name: str
    every_s: int
    step: Callable[[], JobBite] | None = None


class LateTrigger(IntervalTrigger):  # type: ignore[misc]  # the library has no types
    """An interval that leaps over what was missed: APScheduler would list each run, before it makes them one."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The first of the rhythm that is after both."""
        interval: timedelta = self.interval
        if previous_fire_time is None:
            first: datetime = super().get_next_fire_time(None, now)
            return first
        missed = max(0, (now - previous_fire_time) // interval)
        return previous_fire_time + (missed + 1) * interval


class JobScheduler:
    """Started once, stopped once; all else may be called by any thread. Intervals, not days: clocks may change."""

    def __init__(self, jobs: Iterable[ScheduledJob], now_us: Callable[[], int]) -> None:
        self._jobs = {job.name: job for job in jobs}
        self._now_us = now_us
        self._runs = {name: JobRun(name, None) for name in self._jobs}
        self._unsaved: set[str] = set()
        self._due: dict[str, bool] = dict.fromkeys(self._jobs, False)
        self._began: dict[str, int] = {}
        self._moved: dict[str, float] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._ended = threading.Condition()
        self.last_tick_us: int | None = None
        self.died: str | None = None
        """The job that ended with an error of ours, and it."""
        self._ticked = time.monotonic()
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(1), "jobs": ThreadPoolExecutor(2)},
            job_defaults=DEFAULTS,
        )

    def start(self, last: Sequence[JobRun] = ()) -> None:
        """Begin; `last` are the runs of before: what fell due meanwhile is done once, soon."""
        self._ticked, now_us = time.monotonic(), self._now_us()
        self._scheduler.add_job(self._tick, LateTrigger(seconds=TICK_S, timezone="UTC"))
        before = {run.job: run for run in last}
        for job in self._jobs.values():
            self._runs[job.name] = before.get(job.name, self._runs[job.name])
            self._plan(job, first_due_us(job, before.get(job.name), now_us))
        self._scheduler.start()

    def stop(self) -> None:
        """End; a job ends after its bite, and goes on where it was after the next start."""
        self._stop.set()
        if self._scheduler.running:
            # Not waiting: it would do so with the lock that a job needs for its next run.
            self._scheduler.shutdown(wait=False)
        with self._ended:
            self._ended.wait_for(lambda: not self._moved, ENDS_S)

    def lag_s(self) -> float:
        """How late the next tick is, seconds; 0 while it is on time. Grows for ever when the scheduler is dead."""
        return max(0.0, time.monotonic() - self._ticked - TICK_S)

    def stuck(self) -> str | None:
        """A job of which one bite takes too long."""
        now = time.monotonic()
        return next((name for name, moved in list(self._moved.items()) if now - moved > PATIENCE_S), None)

    def begin(self, name: str) -> bool:
        """Whether a job that a loop does is due; asking takes the mark away, and `end` ends what it begins."""
        with self._lock:
            due, self._due[name] = self._due[name], False
            if due:
                self._began.setdefault(name, self._now_us())
            return due

    def end(self, name: str, done: int | None = None) -> None:
        """A loop has done all of a job; `done` None where it does not count what that changed."""
        self._note(name, done)

    def run(self, name: str) -> None:
        """Do all of a job that has steps, bite by bite. Called by the scheduler."""
        step, done = self._jobs[name].step, 0
        if step is None:
            with self._lock:
                self._due[name] = True
            return
        self._began[name] = self._now_us()
        try:
            while not self._stop.is_set():
                self._moved[name] = time.monotonic()
                bite = step()
                self._leave(name)
                done += bite.done
                if not bite.more:
                    break
                self._stop.wait(PAUSE_S)
        except PASSING as error:
            log.warning("job_waits", job=name, reason=str(error))
            self._note(name, done, error)
        except Exception as error:  # ends the gateway loudly, like a loop that dies
            log.exception("job_died", job=name)
            self.died = f"{name}: {error!r}"
        else:
            if not self._stop.is_set():
                self._note(name, done)
        finally:
            self._leave(name)

    def unsaved(self) -> Sequence[JobRun]:
        """Runs that changed since `saved`."""
        with self._lock:
            return [self._runs[name] for name in sorted(self._unsaved)]

    def saved(self, runs: Sequence[JobRun]) -> None:
        """These are in the registry."""
        with self._lock:
            self._unsaved -= {run.job for run in runs if self._runs[run.job] == run}

    def _leave(self, name: str) -> None:
        with self._ended:
            self._moved.pop(name, None)
            self._ended.notify_all()

    def _note(self, name: str, done: int | None, error: Exception | None = None) -> None:
        job, now_us = self._jobs[name], self._now_us()
        began_us = self._began.pop(name, now_us)
        next_us = began_us + job.every_s * SECOND_US
        if error is not None:
            next_us = now_us + min(AGAIN_S, job.every_s) * SECOND_US
            self._plan(job, next_us)
        run = JobRun(name, next_us, began_us, now_us, None if error is None else fault_of(error), done)
        with self._lock:
            self._runs[name] = run
            self._unsaved.add(name)

    def _plan(self, job: ScheduledJob, due_us: int) -> None:
        trigger = LateTrigger(seconds=job.every_s, timezone="UTC")
        if self._scheduler.get_job(job.name):
            self._scheduler.modify_job(job.name, next_run_time=_utc(due_us))
            return
        executor = "default" if job.step is None else "jobs"
        self._scheduler.add_job(
            self.run, trigger, [job.name], id=job.name, executor=executor, next_run_time=_utc(due_us)
        )
        with self._lock:
            self._runs[job.name] = replace(self._runs[job.name], next_us=due_us)
            self._unsaved.add(job.name)

    def _tick(self) -> None:
        self.last_tick_us = self._now_us()
        self._ticked = time.monotonic()


def first_due_us(job: ScheduledJob, last: JobRun | None, now_us: int) -> int:
    """When a job runs first after a start: at once where it is overdue or failed, else when it would have been."""
    soon_us = now_us + round(min(SETTLED_S, job.every_s) * SECOND_US)
    if last is None or last.began_us is None or last.fault is not None or last.began_us > now_us:
        return soon_us
    return max(soon_us, last.began_us + job.every_s * SECOND_US)


def _utc(at_us: int) -> datetime:
    return from_us(at_us).astimezone(UTC)
