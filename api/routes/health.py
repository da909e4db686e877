"""Health that tells the truth, version, metrics: open to all, without details of devices."""

import asyncio
from collections.abc import Sequence
from typing import cast

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from api.metrics import ApiMetrics
from api.services import Services, Use
from api.time_parameters import TimeOut, age_s
from application.health.assessment import InstallationHealth, PartState, assess_health, registry_away
from application.health.faults import SystemFault
from devices.errors import RegistryUnavailable

router = APIRouter(tags=["health"])


class AliveSchema(BaseModel):
    """The process runs and its tasks too."""

    status: str


class PartHealth(BaseModel):
    """Last word of one part."""

    part: str
    ok: bool
    reason: str | None = None
    fault: SystemFault | None = None
    heartbeat_at: TimeOut | None = None
    heartbeat_age_s: float | None = None
    last_success_at: TimeOut | None = None
    last_success_age_s: float | None = None


class Readiness(BaseModel):
    """Whether the installation does its work; `reasons` say what does not, `summary` why and what to do."""

    ready: bool
    summary: str
    reasons: list[str]
    parts: list[PartHealth]


class VersionSchema(BaseModel):
    """What runs here."""

    name: str
    version: str
    api_version: str


@router.get("/healthz", responses={503: {"model": AliveSchema, "description": "A task of this process has ended"}})
async def healthz(request: Request, response: Response) -> AliveSchema:
    """Tell whether this process works."""
    tasks = cast("Sequence[asyncio.Task[None]]", request.app.state.tasks)
    if any(t.done() for t in tasks):
        response.status_code = 503
        return AliveSchema(status="broken")
    return AliveSchema(status="ok")


@router.get("/readyz", responses={503: {"model": Readiness, "description": "Something does not work"}})
def readyz(services: Use, response: Response) -> Readiness:
    """Tell whether every part works and when it last did; `summary` names the cause and the remedy."""
    now_us = services.now_us()
    health = _health(services, now_us)
    parts = [_shown(state, now_us) for state in health.parts]
    if not any(state.part == "registry" for state in health.parts):
        parts = [PartHealth(part="registry", ok=True, last_success_at=now_us, last_success_age_s=0), *parts]
    response.status_code = 200 if health.ready else 503
    reasons = [f"{p.part}: {p.reason}" for p in parts if not p.ok]
    return Readiness(ready=health.ready, summary=health.summary(), reasons=reasons, parts=parts)


@router.get("/version")
async def version(services: Use, request: Request) -> VersionSchema:
    """Tell which version runs."""
    return VersionSchema(name="lautern", version=services.version, api_version=request.app.version)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Counters of this process for Prometheus."""
    counted = cast("ApiMetrics", request.app.state.metrics)
    return Response(counted.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _health(services: Services, now_us: int) -> InstallationHealth:
    try:
        return assess_health(services.beats(), now_us)
    except RegistryUnavailable:
        return registry_away()


def _shown(state: PartState, now_us: int) -> PartHealth:
    beat = state.beat
    last_us = None if beat is None else beat.last_success_us
    return PartHealth(
        part=state.part,
        ok=state.fault is None,
        reason=_reason(state, now_us),
        fault=state.fault,
        heartbeat_at=None if beat is None else beat.at_us,
        heartbeat_age_s=None if beat is None else age_s(beat.at_us, now_us),
        last_success_at=last_us,
        last_success_age_s=None if last_us is None else age_s(last_us, now_us),
    )


def _reason(state: PartState, now_us: int) -> str | None:
    if state.fault is None:
        return None
    if state.fault is SystemFault.REGISTRY_AWAY:
        return "does not answer"
    if state.beat is None:
        return "never heard of"
    if text := state.beat.detail.get("text"):
        return str(text)
    return f"silent for {age_s(state.beat.at_us, now_us):.0f} s" if state.silent else "does not work"
