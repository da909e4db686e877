"""What the gateway does by the clock, how often, and where: in the scheduler's threads, or by the loop that owns it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from application.ports.changes import ChangeFeed
from application.ports.registry import Registry
from gateway.lost_messages import write_off
from gateway.notifications.service import NotificationService
from gateway.retention import NamePseudonymiser, RetentionCleanup
from gateway.scheduler import JobBite, ScheduledJob

HOUR_S = 3600


class JobParts(Protocol):
    """What the jobs work with."""

    @property
    def registry(self) -> Registry:
        """Where all of them look."""

    @property
    def retention(self) -> RetentionCleanup:
        """Of the registry."""

    @property
    def names(self) -> NamePseudonymiser:
        """Of operators."""

    @property
    def notifying(self) -> NotificationService:
        """Of people."""


def gateway_jobs(parts: JobParts, lanes: Sequence[str]) -> list[ScheduledJob]:
    """Every job. What must be done sooner than a second after its cause is a loop, and no job."""

    def remind() -> JobBite:
        return JobBite(parts.notifying.queue_reminders())

    def write_off_lost() -> JobBite:
        return JobBite(write_off(parts.registry, lanes))

    def trim_changes() -> JobBite:
        with parts.registry.write() as tx:
            tx.get(ChangeFeed).trim()
        return JobBite(0)

    return [
        ScheduledJob("retention", HOUR_S, _counted(parts.retention.step, lambda: parts.retention.dropped)),
        ScheduledJob("names", HOUR_S, _counted(parts.names.step, lambda: parts.names.changed)),
        ScheduledJob("reminders", 5, remind),
        ScheduledJob("ledger", 10, write_off_lost),
        ScheduledJob("changes", 60, trim_changes),
        # By the loop whose thread alone writes there:
        ScheduledJob("telemetry_retention", HOUR_S),
        ScheduledJob("rollups", 15),
        ScheduledJob("identities", 600),
        ScheduledJob("rules", 60),
    ]


def _counted(step: Callable[[], bool], total: Callable[[], int]) -> Callable[[], JobBite]:
    def bite() -> JobBite:
        before = total()
        more = step()
        return JobBite(total() - before, more)

    return bite
