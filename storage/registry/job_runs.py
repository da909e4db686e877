"""Last runs of the jobs."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from application.health.faults import SystemFault
from application.ports.job_runs import JobRun
from storage.registry.row_statements import upsert_rows
from storage.registry.tables import JOB_RUNS


class SqlJobRuns:
    """Job runs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, runs: Sequence[JobRun]) -> None:
        """Insert or replace by job."""
        rows = [
            {
                "job": run.job,
                "next_us": run.next_us,
                "began_us": run.began_us,
                "ended_us": run.ended_us,
                "fault": run.fault,
                "done": run.done,
            }
            for run in sorted(runs, key=lambda run: run.job)
        ]
        upsert_rows(self._connection, JOB_RUNS, rows)

    def all(self) -> Sequence[JobRun]:
        """In order of job; a fault that this Lautern does not know is left out."""
        return [
            JobRun(
                job=row.job,
                next_us=row.next_us,
                began_us=row.began_us,
                ended_us=row.ended_us,
                fault=SystemFault(row.fault) if row.fault in set(SystemFault) else None,
                done=row.done,
            )
            for row in self._connection.execute(select(JOB_RUNS).order_by(JOB_RUNS.c.job))
        ]
