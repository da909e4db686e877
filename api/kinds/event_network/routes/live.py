"""Bandwidth of an event: now against booked, and over time; JSON or CSV."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field

from api import csv_response, series
from api.fields import IdInPath
from api.kinds.event_network.routes.events import KIND, Reader, find_event
from api.kinds.event_network.schemas.live import DirectionShown, LiveEvent, live_schema
from api.problems import problem_responses
from api.query_admission import Ask
from api.services import Services, Use
from api.time_parameters import TimeIn, TimeOut
from application.kinds.event_network.live_view import KnownNodes, live_view
from application.kinds.event_network.ports import EventRepository, RecentLinks
from application.kinds.event_network.rate_history import EventHistory, LineHistory, RateHistory, RatePoint
from application.lending import asset_ownerships
from application.ports.alarms import AlarmRepository
from application.ports.inventory import AssetRepository
from application.ports.latest_values import LatestValues
from application.ports.registry import RegistryTransaction
from application.ports.telemetry import TelemetryReader
from application.telemetry.owned_reader import OwnedReader
from application.telemetry.query_budget import QueryBudget
from devices.errors import Invalid
from devices.event_network.city_event import CityEvent
from devices.time_us import rfc3339

MOST_BUCKETS: Final = 5_000
Format = Annotated[Literal["json", "csv"] | None, Query(description="Instead of the Accept header.")]
Accept = Annotated[str | None, Header(max_length=500)]
_CSV: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
_DIRECTION: Final = tuple(DirectionShown.model_fields)
_LINE: Final = (
    *("area_id", "area", "service_class", "booking_id", "booking_kind", "sample_age_s", "coverage_pct"),
    *("loss_pct", "rtt_ms", "jitter_ms", "link_down"),
)
router = APIRouter(prefix="/events", tags=["event network"])


class BandwidthPoint(BaseModel):
    """One bucket of one direction; null is a gap: its volume counts where samples go on.

    `max_bps` holds the 1-s peaks that devices reported.
    """

    start: TimeOut
    mean_bps: float | None
    max_bps: float | None
    max_is_upper_bound: bool
    volume_bytes: int | None
    quality: list[str]


class SeriesLine(BaseModel):
    """Rate over time of one service class in one area."""

    area_id: str | None
    service_class: str
    down: list[BandwidthPoint]
    up: list[BandwidthPoint]


class RateSeries(BaseModel):
    """Rate over time; all lines have the same buckets."""

    event_id: str
    from_: TimeOut = Field(serialization_alias="from")
    to: TimeOut
    bucket_s: float
    source: Literal["raw"] = "raw"
    lines: list[SeriesLine]


@router.get("/{event_id}/live", response_model=LiveEvent, responses=_CSV | problem_responses(404))
def get_live(
    event_id: IdInPath, who: Reader, services: Use, format_: Annotated[Format, Query(alias="format")] = None,
    accept: Accept = None,
) -> LiveEvent | Response:  # fmt: skip
    """Show used against booked, provisioned and tested rates now, per area and service class."""
    now_us = services.now_us()
    with services.registry.read() as tx:
        found = find_event(tx, who, event_id)
        known = _known(tx, found)
    shown = live_schema(live_view(found, known, now_us, interval_s=_interval_s(services)))
    if _csv(format_, accept):
        return csv_response.csv_answer(_header(), _rows(shown), f"{event_id}-live")
    return shown


@router.get("/{event_id}/series", response_model=RateSeries, responses=_CSV | problem_responses(404, 503))
async def get_series(  # noqa: PLR0917
    event_id: IdInPath,
    who: Reader,
    services: Use,
    question: Ask,
    from_: Annotated[TimeIn | None, Query(alias="from", description="Begin of service when absent.")] = None,
    to: Annotated[TimeIn | None, Query(description="Now or the end of service when absent.")] = None,
    bucket: Annotated[str, Query(max_length=8, description="Width such as `5m`.")] = "5m",
    format_: Annotated[Format, Query(alias="format")] = None,
    accept: Accept = None,
) -> RateSeries | Response:
    """Show the rate over time per area and service class; gaps are null, the highest rate stands beside the mean."""
    width = series.width_us(bucket)
    as_csv = _csv(format_, accept)

    def shown(budget: QueryBudget) -> RateSeries | Response:
        with services.registry.read() as tx:
            found = find_event(tx, who, event_id)
            reader = _reader(tx, services, found).within(budget)
        from_us = found.service_from_us if from_ is None else from_
        to_us = min(found.service_to_us, services.now_us()) if to is None else to
        if from_us >= to_us:
            raise Invalid("from_after_to", field="query.from")
        if (to_us - from_us) // width > MOST_BUCKETS:
            raise Invalid("bucket_too_narrow", most=MOST_BUCKETS, field="query.bucket")
        history = RateHistory(reader, interval_s=_interval_s(services)).of(found, from_us, to_us, width)
        if as_csv:
            return csv_response.csv_answer(_SERIES_HEADER, _series_rows(history), f"{event_id}-series")
        lines = [_series_line(line, history.starts_us) for line in history.lines]
        return RateSeries(event_id=event_id, from_=from_us, to=to_us, bucket_s=width / 1e6, lines=lines)

    return await question.answer(shown, rows=0)


def _reader(tx: RegistryTransaction, services: Services, found: CityEvent) -> TelemetryReader:
    """Reads of each node what was measured while it was the event's town's."""
    assets = tx.get(AssetRepository).many({o.asset_id for o in found.objects})
    return OwnedReader(services.reader, asset_ownerships(tx, assets.values()), {found.tenant_id})


def _interval_s(services: Services) -> float:
    return services.catalog[KIND].limits.reporting_interval_s


def _known(tx: RegistryTransaction, found: CityEvent) -> KnownNodes:
    nodes = {o.asset_id for o in found.objects}
    town = found.tenant_id
    alarms = (a for a in tx.get(AlarmRepository).open_of(nodes) if a.name == "link_saturated" and a.tenant_id == town)
    return KnownNodes(
        [r for r in tx.get(RecentLinks).of_assets(nodes) if r.tenant_id == town],
        [r for r in tx.get(LatestValues).of_assets(nodes) if r.tenant_id == town],
        [t for t in tx.get(EventRepository).tests(nodes) if t.tenant_id == town],
        {(a.asset_id, a.part) for a in alarms},
    )


def _csv(format_: str | None, accept: str | None) -> bool:
    return format_ == "csv" or (format_ is None and csv_response.wants_csv(accept))


def _header() -> list[str]:
    return ["at", *_LINE, *(f"{d}_{name}" for d in ("down", "up") for name in _DIRECTION), "quality", "breaches"]


def _rows(shown: LiveEvent) -> Iterator[Sequence[Any]]:
    for line in shown.lines:
        figures = [getattr(d, name) for d in (line.down, line.up) for name in _DIRECTION]
        broken = " ".join(f"{b.reason}:{b.direction}" if b.direction else b.reason for b in line.breaches)
        yield [rfc3339(shown.at), *(getattr(line, n) for n in _LINE), *figures, " ".join(line.quality), broken]


_SERIES_HEADER: Final = (
    *("start", "area_id", "service_class", "direction", "mean_bps", "max_bps", "max_is_upper_bound"),
    *("volume_bytes", "quality"),
)


def _series_rows(history: EventHistory) -> Iterator[Sequence[Any]]:
    for line in history.lines:
        for direction, points in line.points.items():
            for start_us, p in zip(history.starts_us, points, strict=True):
                head = (rfc3339(start_us), line.area_id, line.service_class, direction.value)
                yield (*head, p.mean_bps, p.max_bps, p.peak_is_bound, p.volume_bytes, " ".join(sorted(p.quality)))


def _series_line(line: LineHistory, starts_us: Sequence[int]) -> SeriesLine:
    shown = {d.value: [_point(s, p) for s, p in zip(starts_us, ps, strict=True)] for d, ps in line.points.items()}
    return SeriesLine(area_id=line.area_id, service_class=line.service_class, **shown)


def _point(start_us: int, p: RatePoint) -> BandwidthPoint:
    return BandwidthPoint(
        start=start_us,
        mean_bps=p.mean_bps,
        max_bps=p.max_bps,
        max_is_upper_bound=p.peak_is_bound,
        volume_bytes=p.volume_bytes,
        quality=sorted(p.quality),
    )
