"""What happened at a device: its stored event series, merged, newest first."""

import heapq
from collections.abc import Sequence
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, JsonValue

from api.authentication import Who
from api.fields import IdInPath
from api.paging import ItemPage
from api.query_admission import Ask
from api.services import Use
from api.time_parameters import LATEST_US, TimeIn, TimeOut, TsSource, ts_source
from application.access import authorization
from application.ports.inventory import Asset
from application.ports.telemetry import TelemetryReader, TelemetryRow
from application.privacy.small_counts import shown_values
from application.telemetry.query_budget import QueryBudget
from devices.errors import Invalid
from devices.kind import DeviceKind
from devices.samples import SeriesKey

router = APIRouter(prefix="/devices", tags=["telemetry"])


class EventSchema(BaseModel):
    """Something that happened."""

    ts: TimeOut
    ts_source: TsSource
    received_at: TimeOut
    name: str
    suspect: bool
    values: dict[str, JsonValue]


@router.get("/{asset_id}/events")
async def list_events(  # noqa: PLR0917
    asset_id: IdInPath,
    who: Who,
    services: Use,
    question: Ask,
    name: Annotated[str | None, Query(pattern=r"^[a-z0-9_]{1,64}$")] = None,
    from_: Annotated[TimeIn | None, Query(alias="from")] = None,
    to: Annotated[TimeIn | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[str | None, Query(pattern=r"^\d{1,16}$", description="`next_cursor` of the page before.")] = None,
) -> ItemPage[EventSchema]:
    """List events of a device, newest first."""
    end_us = min(LATEST_US if to is None else to, LATEST_US if cursor is None else int(cursor))

    def found(budget: QueryBudget) -> ItemPage[EventSchema]:
        with services.registry.read() as tx:
            asset = authorization.visible_asset(tx, who, asset_id)
            reader = authorization.owned_reader(tx, who, services.reader, [asset]).within(budget)
        kind = services.catalog[asset.kind]
        names = kind.events
        if name is not None and name not in names:
            raise Invalid("not_one_of", allowed=list(names), field="query.name")
        return _page(kind, _merged(reader, asset, [name] if name else list(names), from_ or 0, end_us, limit), limit)

    return await question.answer(found, rows=0)


def _merged(  # noqa: PLR0917
    reader: TelemetryReader, asset: Asset, names: Sequence[str], from_us: int, to_us: int, limit: int
) -> list[tuple[str, TelemetryRow]]:
    if from_us >= to_us:
        return []
    stored = set(reader.series(asset.asset_id, asset.kind))
    series = [
        [(name, row) for row in _rows(reader, asset, f"event_{name}", from_us, to_us, limit)]
        for name in names
        if f"event_{name}" in stored
    ]
    # One more than every series could add at the last instant: a page ends between instants, never within one.
    return list(islice(heapq.merge(*series, key=lambda e: -e[1].ts_us), limit + len(series) + 1))


def _rows(  # noqa: PLR0917
    reader: TelemetryReader, asset: Asset, series: str, from_us: int, to_us: int, limit: int
) -> Sequence[TelemetryRow]:
    key = SeriesKey(asset.asset_id, asset.kind, series)
    return list(reader.rows(key, from_us, to_us, limit=limit + 1, newest_first=True))


def _page(kind: DeviceKind, found: Sequence[tuple[str, TelemetryRow]], limit: int) -> ItemPage[EventSchema]:
    end = min(limit, len(found))
    while 0 < end < len(found) and found[end][1].ts_us == found[end - 1][1].ts_us:
        end += 1
    more = str(found[end - 1][1].ts_us) if end < len(found) else None
    return ItemPage[EventSchema](items=[_show(kind, n, r) for n, r in found[:end]], next_cursor=more)


def _show(kind: DeviceKind, name: str, row: TelemetryRow) -> EventSchema:
    return EventSchema(
        ts=row.ts_us,
        ts_source=ts_source(row.ts_us, row.received_us),
        received_at=row.received_us,
        name=name,
        suspect=row.suspect,
        values=dict(shown_values(kind, row.values)),
    )
