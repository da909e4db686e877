"""What the routes work with."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from api.limits import ApiLimits
from api.provisioning_sheet import DeviceBroker
from api.sessions import SessionLifetime
from api.single_sign_on import SingleSignOn
from application.access.second_factor import SecondFactorPolicy
from application.audit.signer import AuditSigner
from application.notifications.allow_list import TargetAllowList
from application.ports.audit import AnchorStore
from application.ports.heartbeats import Heartbeat, HeartbeatRepository
from application.ports.job_runs import JobRun, JobRuns
from application.ports.registry import Registry
from application.ports.secret_box import SecretBox
from application.ports.telemetry import TelemetryReader
from application.privacy.processing_register import RegisterFacts
from devices.kind_catalog import KindCatalog


@dataclass(frozen=True, slots=True)
class Services:
    """Built once in `runtime/`, kept in `app.state.services`."""

    registry: Registry
    reader: TelemetryReader
    catalog: KindCatalog
    now_us: Callable[[], int]
    version: str
    lifetime: SessionLifetime = field(default_factory=SessionLifetime)
    """Of browsers' sessions."""
    single_sign_on: SingleSignOn | None = None
    signer: AuditSigner | None = None
    """Verifies the audit log; None where there is none to verify."""
    anchors: AnchorStore | None = None
    """Of the audit log."""
    allowed: TargetAllowList = field(default_factory=TargetAllowList)
    """Where notifications may go."""
    processing: RegisterFacts = field(default_factory=RegisterFacts)
    """For the register of processing."""
    mqtt: DeviceBroker = field(default_factory=DeviceBroker)
    limits: ApiLimits = field(default_factory=ApiLimits)
    processes: Callable[[], Sequence[Heartbeat]] = tuple
    """What a supervisor on this machine says of processes that it cannot keep alive."""
    steady_us: Callable[[], int] = lambda: time.monotonic_ns() // 1000
    """For how long something takes: µs since some moment, never set back or forward as `now_us` may be."""
    second_factor: SecondFactorPolicy = SecondFactorPolicy.OFFERED
    """Whether those who lead must have a second factor."""
    secret_box: SecretBox | None = None
    """Seals what must be read again; None: such things cannot be enrolled."""
    public_url: str | None = None
    """Where people reach the pages; None: where a request was sent to."""

    def beats(self) -> Sequence[Heartbeat]:
        """Words of all parts. Raises RegistryUnavailable."""
        with self.registry.read() as tx:
            return [*tx.get(HeartbeatRepository).all(), *self.processes()]

    def job_runs(self) -> Sequence[JobRun]:
        """What the gateway does by the clock, and how it went last. Raises RegistryUnavailable."""
        with self.registry.read() as tx:
            return tx.get(JobRuns).all()


def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


Use = Annotated[Services, Depends(_services)]
"""Annotate a route's parameter with this."""
