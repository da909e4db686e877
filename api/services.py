"""What the routes work with."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from api.crew import Mqtt
from api.limits import Limits
from api.sessions import Lifetime
from api.single_sign_on import SingleSignOn
from devices.audit.notary import Notary
from devices.catalog import Catalog
from devices.notifying.allowing import Allowed
from devices.people.second_factor import Policy
from devices.ports.audit import Anchors
from devices.ports.books import Heartbeat, Heartbeats
from devices.ports.registry import Registry
from devices.ports.secret_box import SecretBox
from devices.ports.telemetry import TelemetryReader
from devices.privacy.register import Facts


@dataclass(frozen=True, slots=True)
class Services:
    """Built once in `runtime/`, kept in `app.state.services`."""

    registry: Registry
    reader: TelemetryReader
    catalog: Catalog
    now_us: Callable[[], int]
    version: str
    lifetime: Lifetime = field(default_factory=Lifetime)
    """Of browsers' sessions."""
    single_sign_on: SingleSignOn | None = None
    notary: Notary | None = None
    """Verifies the audit log; None where there is none to verify."""
    anchors: Anchors | None = None
    """Of the audit log."""
    allowed: Allowed = field(default_factory=Allowed)
    """Where notifications may go."""
    processing: Facts = field(default_factory=Facts)
    """For the register of processing."""
    mqtt: Mqtt = field(default_factory=Mqtt)
    limits: Limits = field(default_factory=Limits)
    processes: Callable[[], Sequence[Heartbeat]] = tuple
    """What a supervisor on this machine says of processes that it cannot keep alive."""
    steady_us: Callable[[], int] = lambda: time.monotonic_ns() // 1000
    """For how long something takes: µs since some moment, never set back or forward as `now_us` may be."""
    second_factor: Policy = Policy.OFFERED
    """Whether those who lead must have a second factor."""
    secret_box: SecretBox | None = None
    """Seals what must be read again; None: such things cannot be enrolled."""
    public_url: str | None = None
    """Where people reach the pages; None: where a request was sent to."""

    def beats(self) -> Sequence[Heartbeat]:
        """Words of all parts. Raises RegistryUnavailable."""
        with self.registry.read() as tx:
            return [*tx.get(Heartbeats).all(), *self.processes()]


def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


Use = Annotated[Services, Depends(_services)]
"""Annotate a route's parameter with this."""
