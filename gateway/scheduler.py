"""What is due when: APScheduler as a timer only. It marks; the loop that owns a thing does it: one thread writes."""

import time
from collections.abc import Mapping
from typing import Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

PERIODS_S: Final[Mapping[str, int]] = {
    "tick": 5,
    "rules": 60,
    "rollups": 15,
    "retention": 3600,
    "identities": 600,
    "changes": 60,
    "ledger": 10,
}
"""Seconds between two marks of each duty; intervals, as its cron skips midnights after the spring change."""


class DutyTimer:
    """Marks duties as due. A mark that was missed is no loss: the next one does the same work."""

    def __init__(self, periods_s: Mapping[str, int] = PERIODS_S) -> None:
        self._due: dict[str, bool] = dict.fromkeys(periods_s, False)
        self.last_tick_us: int | None = None
        self._tick_s = periods_s["tick"]
        self._ticked = time.monotonic()
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
        )
        for duty, period_s in periods_s.items():
            self._scheduler.add_job(self._mark, IntervalTrigger(seconds=period_s, timezone="UTC"), [duty], id=duty)

    def start(self) -> None:
        """Begin to mark."""
        self._ticked = time.monotonic()
        self._scheduler.start()

    def stop(self) -> None:
        """End; marks stay as they are."""
        self._scheduler.shutdown(wait=True)

    def lag_s(self) -> float:
        """How late the next tick is, seconds; 0 while it is on time. Grows for ever when the scheduler is dead."""
        return max(0.0, time.monotonic() - self._ticked - self._tick_s)

    def take(self, duty: str) -> bool:
        """Whether a duty is due; asking takes the mark away."""
        due, self._due[duty] = self._due[duty], False
        return due

    def _mark(self, duty: str) -> None:
        self._due[duty] = True
        if duty == "tick":
            self.last_tick_us = time.time_ns() // 1000
            self._ticked = time.monotonic()
