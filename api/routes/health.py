"""Health that tells the truth, version, metrics: open to all, without details of devices."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, cast

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from api.metrics import Metrics
from api.services import Services, Use
from api.times import TimeOut, age_s
from devices.errors import RegistryUnavailable
from devices.instants import SECOND_US
from devices.ports.books import Heartbeat, Heartbeats

STALE_S: Final = 60
REQUIRED: Final = ("gateway", "broker", "journal", "store", "scheduler")
router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process runs and its tasks too."""

    status: str


class PartHealth(BaseModel):
    """Last word of one part."""

    part: str
    ok: bool
    reason: str | None = None
    heartbeat_at: TimeOut | None = None
    heartbeat_age_s: float | None = None
    last_success_at: TimeOut | None = None
    last_success_age_s: float | None = None


class Readiness(BaseModel):
    """Whether the installation does its work; `reasons` say what does not."""

    ready: bool
    reasons: list[str]
    parts: list[PartHealth]


class Version(BaseModel):
    """What runs here."""

    name: str
    version: str
    api_version: str


@router.get("/healthz", responses={503: {"model": Alive, "description": "A task of this process has ended"}})
async def healthz(request: Request, response: Response) -> Alive:
    """Tell whether this process works."""
    tasks = cast("Sequence[asyncio.Task[None]]", request.app.state.tasks)
    if any(t.done() for t in tasks):
        response.status_code = 503
        return Alive(status="broken")
    return Alive(status="ok")


@router.get("/readyz", responses={503: {"model": Readiness, "description": "Something does not work"}})
def readyz(services: Use, response: Response) -> Readiness:
    """Tell whether registry, gateway, broker, journal, store and scheduler work, and when each last did."""
    parts = _parts(services)
    reasons = [f"{p.part}: {p.reason}" for p in parts if not p.ok]
    response.status_code = 503 if reasons else 200
    return Readiness(ready=not reasons, reasons=reasons, parts=parts)


@router.get("/version")
async def version(services: Use, request: Request) -> Version:
    """Tell which version runs."""
    return Version(name="lautern", version=services.version, api_version=request.app.version)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Counters of this process for Prometheus."""
    counted = cast("Metrics", request.app.state.metrics)
    return Response(counted.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _parts(services: Services) -> list[PartHealth]:
    now_us = services.now_us()
    try:
        with services.registry.read() as tx:
            beats = {b.part: b for b in tx.get(Heartbeats).all()}
    except RegistryUnavailable:
        return [PartHealth(part="registry", ok=False, reason="does not answer")]
    registry = PartHealth(part="registry", ok=True, last_success_at=now_us, last_success_age_s=0)
    missing = [_missing(name) for name in REQUIRED if not _present(name, beats)]
    return [registry, *(_judged(b, now_us) for b in beats.values()), *missing]


def _present(name: str, beats: Mapping[str, Heartbeat]) -> bool:
    return any(part == name or part.startswith(f"{name}/") for part in beats)


def _missing(name: str) -> PartHealth:
    return PartHealth(part=name, ok=False, reason="never heard of")


def _judged(beat: Heartbeat, now_us: int) -> PartHealth:
    stale = now_us - beat.at_us > STALE_S * SECOND_US
    reason = f"silent for {age_s(beat.at_us, now_us):.0f} s" if stale else None if beat.ok else "does not work"
    return PartHealth(
        part=beat.part,
        ok=reason is None,
        reason=reason,
        heartbeat_at=beat.at_us,
        heartbeat_age_s=age_s(beat.at_us, now_us),
        last_success_at=beat.last_success_us,
        last_success_age_s=None if beat.last_success_us is None else age_s(beat.last_success_us, now_us),
    )
