"""Stored series of one device: raw or in buckets, as JSON or CSV; gaps are told, never drawn as zero."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Annotated, Any, Final, Literal, cast, get_args

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import BaseModel, Field, JsonValue
from pydantic_core import to_json

from api import csv_response
from api.authentication import Who
from api.csv_response import FileDownload
from api.fields import IdInPath
from api.query_admission import Ask
from api.series import Span, chosen_fields, fields_of, gaps_beside, gaps_between, interval_s, model_of, width_us
from api.services import Services, Use
from api.time_parameters import TimeIn, TimeOut, TsSource, ts_source
from application.access import authorization
from application.access.actor import Actor
from application.lending import asset_ownerships, uncovered_spans
from application.ports.telemetry import Aggregate, TelemetryBucket, TelemetryReader, TelemetryRow
from application.privacy.small_counts import needed_aggregates, shown_aggregates, shown_values
from application.telemetry.query_budget import ANSWER_BYTES, QueryBudget
from application.telemetry.rollup import PERCENTILES
from devices.errors import Invalid
from devices.kind import DeviceKind
from devices.samples import SeriesKey
from devices.time_us import DAY_US, SECOND_US, rfc3339

MOST_ROWS: Final = 10_000
MOST_BUCKETS: Final = 20_000
GapReason = Literal["silent", "lent", "not_lent"]
Gapped = tuple[int, int, GapReason]
_LONGEST_CSV_US: Final = 100 * DAY_US
_CSV: Final = {"text/csv": {"schema": {"type": "string"}}}
router = APIRouter(prefix="/devices", tags=["telemetry"])


class SeriesSchema(BaseModel):
    """A stored series of a device: its parts and its fields."""

    series: str
    parts: list[str]
    fields: list[str]


class SeriesList(BaseModel):
    """Stored series."""

    items: list[SeriesSchema]


class TelemetryGap(BaseModel):
    """No sample to show.

    `silent`: none came for more than three reporting intervals; `lent`: what came is the borrower's; `not_lent`: what
    came is the owner's. Buckets in which it changed hands are left out.
    """

    from_: TimeOut = Field(serialization_alias="from")
    to: TimeOut
    reason: GapReason


class TelemetrySample(BaseModel):
    """A stored sample, or in a bucket `count`, `covered_s` and per field the aggregates."""

    ts: TimeOut
    ts_source: TsSource | None = None
    received_at: TimeOut | None = None
    suspect: bool | None = None
    count: int | None = None
    covered_s: float | None = None
    values: dict[str, JsonValue]


class TelemetryAnswer(BaseModel):
    """Samples in order of time. `thinned`: buckets instead of samples; `source`: what they were computed from."""

    id: str
    series: str
    part: str
    from_: TimeOut = Field(serialization_alias="from")
    to: TimeOut
    source: str
    thinned: bool
    bucket: str | None
    expected_interval_s: float
    next_from: TimeOut | None
    """Where to go on when there are more samples than the limit."""
    gaps: list[TelemetryGap]
    items: list[TelemetrySample]


@dataclass(frozen=True, slots=True)
class TelemetryQuery:
    """A checked question about one series."""

    key: SeriesKey
    kind: DeviceKind
    from_us: int
    to_us: int
    now_us: int
    interval_s: float
    fields: str | None
    limit: int
    reader: TelemetryReader
    mine: Sequence[Span]
    """Spans of the range in which the device was the caller's."""
    not_mine: GapReason

    @property
    def past_us(self) -> int:
        """End of the range, or now when that is earlier."""
        return max(self.from_us, min(self.to_us, self.now_us))

    @property
    def expected_rows(self) -> float:
        """How many samples the range may hold."""
        return (self.past_us - self.from_us) / (self.interval_s * SECOND_US)

    def gaps(self, end_us: int, silent: Callable[[Span], Iterable[Span]]) -> list[Gapped]:
        """What there is not to show up to an instant, in order, each with its reason."""
        mine = [(a, min(b, end_us)) for a, b in self.mine if a < end_us]
        others = uncovered_spans((self.from_us, end_us), mine)
        found = [(a, b, self.not_mine) for a, b in others] + [(a, b, "silent") for s in mine for a, b in silent(s)]
        return sorted(found)

    def chosen(self, *, numeric: bool) -> Sequence[str]:
        """Fields asked for."""
        return chosen_fields(model_of(self.kind, self.key.series), self.fields, numeric=numeric)


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": TelemetryAnswer, "content": _CSV, "description": "Samples or buckets"}
}


@router.get("/{asset_id}/series")
async def list_series(asset_id: IdInPath, who: Who, services: Use, question: Ask) -> SeriesList:
    """List what is stored of a device."""
    return await question.answer(partial(_series, asset_id, who, services), rows=0)


def _series(asset_id: str, who: Actor, services: Services, budget: QueryBudget) -> SeriesList:
    with services.registry.read() as tx:
        asset = authorization.visible_asset(tx, who, asset_id)
        reader = authorization.owned_reader(tx, who, services.reader, [asset]).within(budget)
    kind = services.catalog[asset.kind]
    names = [s for s in reader.series(asset_id, asset.kind) if _known(kind, s)]
    return SeriesList(
        items=[
            SeriesSchema(
                series=name,
                parts=list(reader.parts(asset_id, asset.kind, name)),
                fields=list(fields_of(model_of(kind, name))),
            )
            for name in names
        ]
    )


def _asked(  # noqa: PLR0917
    asset_id: IdInPath,
    who: Who,
    services: Use,
    series: Annotated[str, Query(pattern=r"^[a-z0-9_]{1,80}$")] = "telemetry",
    part: Annotated[str, Query(pattern=r"^[A-Za-z0-9_.:-]{0,64}$")] = "",
    fields: Annotated[str | None, Query(max_length=4000, pattern=r"^[a-z0-9_]+(,[a-z0-9_]+)*$")] = None,
    from_: Annotated[TimeIn | None, Query(alias="from", description="24 h before `to` when absent.")] = None,
    to: Annotated[TimeIn | None, Query(description="Now when absent; itself not included.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS, description="Of raw samples; CSV has no limit.")] = 5_000,
) -> TelemetryQuery:
    now_us = services.now_us()
    to_us = now_us if to is None else to
    from_us = to_us - DAY_US if from_ is None else from_
    if from_us >= to_us:
        raise Invalid("from_after_to", field="query.from")
    with services.registry.read() as tx:
        asset = authorization.visible_asset(tx, who, asset_id)
        kind = services.catalog[asset.kind]
        interval = interval_s(tx, kind, asset)
        reader = authorization.owned_reader(tx, who, services.reader, [asset])
        owned = asset_ownerships(tx, [asset])[asset_id]
    return TelemetryQuery(
        SeriesKey(asset_id, asset.kind, series, part),
        kind,
        max(0, from_us),
        to_us,
        now_us,
        interval,
        fields,
        limit,
        reader,
        owned.spans(who.tenants(), max(0, from_us), to_us),
        "lent" if who.is_at_home(asset.tenant_id) else "not_lent",
    )


@router.get("/{asset_id}/telemetry", response_class=Response, responses=_ANSWERS)
async def get_telemetry(
    question: Ask,
    asked: Annotated[TelemetryQuery, Depends(_asked)],
    bucket: Annotated[str | None, Query(max_length=8, description="Width such as `5m`; raw when absent.")] = None,
    agg: Annotated[str, Query(pattern=r"^[a-z0-9]+(,[a-z0-9]+){0,8}$", description=", ".join(get_args(Aggregate)))] = (
        "mean,min,max"
    ),
    accept: Annotated[str | None, Header(max_length=500)] = None,
) -> Response:
    """Read a range of one series, raw or in buckets."""
    csv = csv_response.wants_csv(accept)
    if bucket is not None:
        ranked = any(name in PERCENTILES for name in agg.split(","))
        rows = asked.expected_rows if ranked else 0
        about = f"{asked.key} {asked.from_us // DAY_US} {asked.to_us // DAY_US} {bucket}"
        return await question.answer(partial(_buckets, asked, bucket, agg, csv), rows=rows, about=about)
    if csv:
        return await question.download(partial(_raw_csv, asked))
    return await question.answer(partial(_raw, asked), rows=0)


def _raw(asked: TelemetryQuery, budget: QueryBudget) -> Response:
    fields = asked.chosen(numeric=False)
    wanted = None if asked.fields is None else fields
    reader = asked.reader.within(budget)
    found = reader.rows(asked.key, asked.from_us, asked.to_us, fields=wanted, limit=asked.limit + 1)
    rows = []
    for row in islice(found, asked.limit + 1):
        budget.hold(ANSWER_BYTES * (2 + len(row.values)))
        rows.append(row)
    more = rows[asked.limit].ts_us if len(rows) > asked.limit else None
    rows = rows[: asked.limit]

    def silent(span: Span) -> Iterable[Span]:
        return gaps_between((r.ts_us for r in rows if span[0] <= r.ts_us < span[1]), span, asked.interval_s)

    return _answer(
        asked,
        bucket=None,
        source="raw",
        next_from=more,
        gaps=asked.gaps(asked.past_us if more is None else more, silent),
        items=[_row(asked.kind, r) for r in rows],
    )


def _buckets(asked: TelemetryQuery, bucket: str, agg: str, csv: bool, budget: QueryBudget) -> Response:  # noqa: FBT001
    width = width_us(bucket)
    if (asked.to_us - asked.from_us) // width > MOST_BUCKETS:
        raise Invalid("bucket_too_narrow", most=MOST_BUCKETS, field="query.bucket")
    aggregates = _aggregates(agg)
    fields = asked.chosen(numeric=True)
    found = asked.reader.within(budget).buckets(
        asked.key,
        asked.from_us,
        asked.to_us,
        fields=fields,
        width_us=width,
        aggregates=needed_aggregates(asked.kind, fields, aggregates),
        expected_interval_s=asked.interval_s,
    )
    if csv:
        header = ["ts", "count", "covered_s", *(f"{f}_{a}" for f in fields for a in aggregates)]
        table = (_bucket_cells(asked.kind, b, fields, aggregates) for b in found.items)
        return csv_response.csv_answer(header, table, f"{asked.key.asset_id}-{bucket}")

    def silent(span: Span) -> Iterable[Span]:
        # The buckets at the ends of the range reach beyond it, those at a handover not.
        inside = [b for b in found.items if span[0] - width < b.start_us < span[1]]
        return gaps_beside(inside, width, span, asked.interval_s)

    return _answer(
        asked,
        bucket=bucket,
        source=found.source,
        next_from=None,
        gaps=asked.gaps(asked.past_us, silent),
        items=[
            {
                "ts": rfc3339(b.start_us),
                "count": b.count,
                "covered_s": round(b.covered_s, 3),
                "values": shown_aggregates(asked.kind, b.values, aggregates),
            }
            for b in found.items
        ],
    )


def _raw_csv(asked: TelemetryQuery, budget: QueryBudget) -> FileDownload:
    if asked.to_us - asked.from_us > _LONGEST_CSV_US:
        raise Invalid("too_many_days", most=100, field="query.from")
    fields = asked.chosen(numeric=False)
    wanted = None if asked.fields is None else fields

    def cells() -> Iterator[Sequence[Any]]:
        for row in asked.reader.within(budget).rows(asked.key, asked.from_us, asked.to_us, fields=wanted):
            values = shown_values(asked.kind, row.values)
            yield (
                rfc3339(row.ts_us),
                ts_source(row.ts_us, row.received_us),
                rfc3339(row.received_us),
                row.suspect,
                *(values.get(f, "") for f in fields),
            )

    return csv_response.csv_download(
        ["ts", "ts_source", "received_at", "suspect", *fields], cells(), asked.key.asset_id
    )


def _answer(
    asked: TelemetryQuery,
    *,
    bucket: str | None,
    next_from: int | None,
    gaps: Sequence[Gapped],
    source: str,
    items: Sequence[dict[str, Any]],
) -> Response:
    body = {
        "id": asked.key.asset_id,
        "series": asked.key.series,
        "part": asked.key.part,
        "from": rfc3339(asked.from_us),
        "to": rfc3339(asked.to_us),
        "source": source,
        "thinned": bucket is not None,
        "bucket": bucket,
        "expected_interval_s": asked.interval_s,
        "next_from": None if next_from is None else rfc3339(next_from),
        "gaps": [{"from": rfc3339(a), "to": rfc3339(b), "reason": why} for a, b, why in gaps],
        "items": items,
    }
    return Response(to_json(body), media_type="application/json")


def _row(kind: DeviceKind, row: TelemetryRow) -> dict[str, Any]:
    return {
        "ts": rfc3339(row.ts_us),
        "ts_source": ts_source(row.ts_us, row.received_us),
        "received_at": rfc3339(row.received_us),
        "suspect": row.suspect,
        "values": shown_values(kind, row.values),
    }


def _bucket_cells(
    kind: DeviceKind, bucket: TelemetryBucket, fields: Sequence[str], aggregates: Sequence[str]
) -> Sequence[Any]:
    values = shown_aggregates(kind, bucket.values, aggregates)
    found = (values.get(f, {}).get(a, "") for f in fields for a in aggregates)
    return rfc3339(bucket.start_us), bucket.count, round(bucket.covered_s, 3), *found


def _aggregates(agg: str) -> Sequence[Aggregate]:
    wanted = list(dict.fromkeys(agg.split(",")))
    for name in wanted:
        if name not in get_args(Aggregate):
            raise Invalid("no_such_aggregate", name=name, allowed=list(get_args(Aggregate)), field="query.agg")
    return cast("Sequence[Aggregate]", wanted)


def _known(kind: DeviceKind, series: str) -> bool:
    return series == "telemetry" or series.removeprefix("event_") in kind.events
