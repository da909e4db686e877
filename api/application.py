"""The HTTP application: every part of it is built and joined here."""

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from fastapi import APIRouter, FastAPI

import api.kinds
from api import problems, refusal_audit
from api.audit_anchors import AuditKeeper
from api.authentication import AuthenticationState
from api.change_feed import ChangeFeedReader, wait_for
from api.health_monitor import SelfWatch
from api.live_stream_limits import StreamPlaces
from api.metrics import ApiMetrics
from api.middleware import MEBIBYTE, BodyLimit, RequestEnvelope
from api.openapi import RELEASE, DescribedApi
from api.query_admission import QueryAdmission
from api.rate_limiter import RateLimiter
from api.refusal_audit import RefusalCounter
from api.request_rate import RequestRate
from api.root_path import InsideSubPath, OutsideSubPath
from api.routes import (
    alarms,
    audit,
    bindings,
    city,
    commands,
    configs,
    credentials,
    dead_letters,
    device_import,
    devices,
    docs,
    events,
    groups,
    health,
    keys,
    kinds,
    latest,
    ledger,
    loans,
    login,
    memberships,
    my_sessions,
    notification_rules,
    notification_targets,
    notifications,
    personal,
    privacy,
    second_factor,
    single_sign_on,
    stream,
    system,
    telemetry,
    tenants,
    typed_commands,
    users,
)
from api.services import Services
from api.web import routes as pages
from api.web.shell import PageShell, WebOptions, of_kinds
from api.worker_probe import WorkerProbe
from application.ports.api_keys import ApiKeys
from application.ports.users import SessionRepository
from devices.errors import Conflict, RegistryUnavailable
from devices.kind_catalog import sub_packages

_MODULES: Final = (
    login,
    second_factor,
    my_sessions,
    single_sign_on,
    users,
    personal,
    privacy,
    tenants,
    keys,
    bindings,
    device_import,
    credentials,
    devices,
    configs,
    groups,
    latest,
    telemetry,
    events,
    loans,
    memberships,
    commands,
    alarms,
    notification_targets,
    notification_rules,
    notifications,
    dead_letters,
    ledger,
    audit,
    system,
    kinds,
    city,
    stream,
)
_TELEMETRY: Final[Any] = {"tracing": False, "metrics": False, "logs": False}
_LOG = structlog.get_logger()


def create_app(services: Services, *, poll_s: float = 0.2, web: WebOptions | None = None) -> FastAPI:
    """Build the application over the given services; its lifespan runs the live stream's reader."""
    metrics = ApiMetrics()
    app = DescribedApi(
        title="Lautern",
        summary="Streetlights, the fire brigade's drones and the mobile event network of a city",
        version=RELEASE,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        redirect_slashes=False,
        telemetry=_TELEMETRY,
    )
    app.state.services = services
    app.state.metrics = metrics
    app.state.doors = AuthenticationState(services)
    app.state.refusals = RefusalCounter()
    app.state.queries = QueryAdmission(services.limits)
    app.state.verifying = threading.Lock()
    app.state.audit_keeper = AuditKeeper(services, app.state.refusals)
    app.state.tail = ChangeFeedReader(services.registry, metrics, poll_s=poll_s)
    app.state.stream_places = StreamPlaces(services.limits)
    app.state.self_watch = SelfWatch(services, metrics)
    app.state.worker_probe = WorkerProbe()
    app.state.tasks = ()
    per_s = services.limits.address_requests_per_s
    of_address = RateLimiter(per_s=per_s, burst=per_s * services.limits.burst_s)
    options = web or WebOptions()
    app.add_middleware(InsideSubPath, root=options.root)
    app.add_middleware(RequestRate, limiter=of_address)
    app.state.restricted_routes = _restricted_routes(services)
    app.add_middleware(BodyLimit, of_paths={device_import.PATH: 10 * MEBIBYTE})
    app.add_middleware(RequestEnvelope, metrics=metrics)
    app.add_middleware(OutsideSubPath, root=options.root)
    problems.install_problem_handlers(app, refusal_audit.note_refusal)
    app.include_router(health.router)
    app.include_router(docs.router)
    docs.mount_docs_files(app)
    app.include_router(_v1(services), prefix="/api/v1")
    app.include_router(pages.build_page_routes(PageShell(of_kinds(api.kinds), options)))
    return app


def _restricted_routes(services: Services) -> frozenset[str]:
    """Routes of restricted kinds, which logs do not name."""
    names = {kind.name for kind in services.catalog.values() if kind.restricted}
    kinds = (kind for kind in sub_packages(api.kinds) if kind.__name__.rpartition(".")[2] in names)
    return frozenset(getattr(route, "path", "") for kind in kinds for route in kind.router.routes)


def _v1(services: Services) -> APIRouter:
    v1 = APIRouter(responses=problems.problem_responses(400, 401, 403, 404, 413, 422, 429, 503))
    for module in _MODULES:
        v1.include_router(module.router)
    v1.include_router(typed_commands.build_command_routes(services.catalog))
    for kind in sub_packages(api.kinds):
        v1.include_router(kind.router)
    return v1


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    stopped = asyncio.Event()
    tail: ChangeFeedReader = app.state.tail
    watch: SelfWatch = app.state.self_watch
    keeper: AuditKeeper = app.state.audit_keeper
    probe: WorkerProbe = app.state.worker_probe
    await asyncio.to_thread(watch.judge_health)
    recorder = _record_uses(app.state.services, app.state.doors, stopped)
    app.state.tasks = tasks = (
        asyncio.create_task(tail.run(), name="tail"),
        asyncio.create_task(recorder, name="uses"),
        asyncio.create_task(watch.run(stopped), name="self-watch"),
        asyncio.create_task(keeper.run(stopped), name="audit-keeper"),
        asyncio.create_task(probe.run(stopped), name="worker-probe"),
    )
    yield
    tail.stop()
    stopped.set()
    await asyncio.gather(*tasks)


async def _record_uses(services: Services, doors: AuthenticationState, stopped: asyncio.Event) -> None:
    ended = False
    while not ended:
        ended = await wait_for(stopped, 5)
        keys, sessions = doors.key_uses.drain(), doors.session_uses.drain()
        if keys or sessions:
            await asyncio.to_thread(_touch, services, keys, sessions)


def _touch(services: Services, keys: Mapping[str, int], sessions: Mapping[bytes, int]) -> None:
    try:
        with services.registry.write() as tx:
            for key_id, at_us in keys.items():
                tx.get(ApiKeys).touch(key_id, at_us)
            tx.get(SessionRepository).touch(sessions)
    except (RegistryUnavailable, Conflict) as error:  # who used a key when is worth no end of the recording
        _LOG.warning("uses_lost", keys=len(keys), sessions=len(sessions), error=str(error))
