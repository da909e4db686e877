"""What is done by the clock, and how it went last; kept in the registry, so that a restart forgets nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from application.health.faults import SystemFault


@dataclass(frozen=True, slots=True)
class JobRun:
    """A job with its last run, its times None before the first; `done` counts what that changed, None if uncounted."""

    job: str
    next_us: int | None
    began_us: int | None = None
    ended_us: int | None = None
    fault: SystemFault | None = None
    """Why the last run could not do its work; the next does it."""
    done: int | None = None


class JobRuns(Protocol):
    """One row a job."""

    def put(self, runs: Sequence[JobRun]) -> None:
        """Insert or replace by job."""

    def all(self) -> Sequence[JobRun]:
        """In order of job."""
