"""The installation itself: what its parts say of themselves, what is wrong and what to do, what runs where."""

import platform
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, JsonValue

from api.authentication import requires_scope
from api.services import Use
from api.time_parameters import TimeOut
from application.health.assessment import InstallationHealth, PartState, assess_health, registry_away
from application.health.fault_messages import ALL_WELL, SENTENCES
from application.health.faults import SystemFault
from application.ports.job_runs import JobRun
from devices.errors import RegistryUnavailable
from devices.time_us import SECOND_US
from devices.wording.catalogue import Language

router = APIRouter(prefix="/system", tags=["health"])


class TroubleSchema(BaseModel):
    """Something that needs a remedy."""

    fault: SystemFault
    cause: str
    remedy: str


class PartSchema(BaseModel):
    """Last word of one part; `detail` is what it says of itself."""

    part: str
    ok: bool
    fault: SystemFault | None
    cause: str | None
    silent: bool
    heartbeat_at: TimeOut | None
    last_success_at: TimeOut | None
    detail: dict[str, JsonValue]


class JobSchema(BaseModel):
    """Something that is done by the clock, with its last run; `done` counts what that changed, null if uncounted."""

    job: str
    next_run_at: TimeOut | None
    last_run_at: TimeOut | None
    duration_s: float | None
    ok: bool | None
    done: int | None
    fault: SystemFault | None
    cause: str | None


class SystemSchema(BaseModel):
    """The installation; `summary` says in a sentence whether it works, `troubles` what to do."""

    at: TimeOut
    ready: bool
    summary: str
    troubles: list[TroubleSchema]
    parts: list[PartSchema]
    jobs: list[JobSchema]
    version: str
    api_version: str
    python: str


@router.get("", dependencies=[requires_scope("system:read")])
def get_system(
    services: Use,
    request: Request,
    lang: Annotated[Language, Query(description="Language of the sentences.")] = "en",
) -> SystemSchema:
    """Show what every part says of itself, and what is wrong; needs `system:read`."""
    now_us = services.now_us()
    try:
        health, runs = assess_health(services.beats(), now_us), services.job_runs()
    except RegistryUnavailable:
        health, runs = registry_away(), ()
    return SystemSchema(
        at=now_us,
        ready=health.ready,
        summary=_summary(health, lang),
        troubles=[_trouble(fault, lang) for fault in health.roots],
        parts=[_part(state, lang) for state in health.parts],
        jobs=[_job(run, lang) for run in runs],
        version=services.version,
        api_version=str(request.app.version),
        python=platform.python_version(),
    )


def _summary(health: InstallationHealth, lang: Language) -> str:
    causes = [SENTENCES[fault].cause.text(lang) for fault in health.roots]
    return "; ".join(causes) + "." if causes else ALL_WELL.text(lang)


def _trouble(fault: SystemFault, lang: Language) -> TroubleSchema:
    said = SENTENCES[fault]
    return TroubleSchema(fault=fault, cause=said.cause.text(lang), remedy=said.remedy.text(lang))


def _job(run: JobRun, lang: Language) -> JobSchema:
    ran = run.began_us is not None and run.ended_us is not None
    return JobSchema(
        job=run.job,
        next_run_at=run.next_us,
        last_run_at=run.began_us,
        duration_s=((run.ended_us or 0) - (run.began_us or 0)) / SECOND_US if ran else None,
        ok=run.fault is None if ran else None,
        done=run.done,
        fault=run.fault,
        cause=None if run.fault is None else SENTENCES[run.fault].cause.text(lang),
    )


def _part(state: PartState, lang: Language) -> PartSchema:
    beat = state.beat
    detail = {} if beat is None else {name: value for name, value in beat.detail.items() if name != "fault"}
    return PartSchema(
        part=state.part,
        ok=state.fault is None,
        fault=state.fault,
        cause=None if state.fault is None else SENTENCES[state.fault].cause.text(lang),
        silent=state.silent,
        heartbeat_at=None if beat is None else beat.at_us,
        last_success_at=None if beat is None else beat.last_success_us,
        detail=detail,
    )
