"""A flight's track as a file: at full rate unless `every` asks otherwise, streamed."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import chain
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from api.csv_response import FileDownload, start_download
from api.fields import RecordInPath
from api.kinds.fire_drone.access import KIND, Brigade, flight_of
from api.kinds.fire_drone.exports import csv, geojson, gpx, json_record, kml
from api.kinds.fire_drone.exports.points import FIELDS, export_points, export_title
from api.kinds.fire_drone.routes.flights import flight_schema
from api.problems import problem_responses
from api.query_admission import Ask
from api.services import Use
from application.audit.audit_trail import object_name, record_action
from application.kinds.fire_drone.ports import FlightRecord
from application.ports.telemetry import TelemetryReader, TelemetryRow
from application.telemetry.query_budget import QueryBudget
from devices.samples import SeriesKey

_BLOCK: Final = 32 * 1024
router = APIRouter()


class TrackFormat(StrEnum):
    """Formats of a track."""

    GPX = "gpx"
    KML = "kml"
    GEOJSON = "geojson"
    CSV = "csv"
    JSON = "json"


class CsvDialect(StrEnum):
    """`de`: semicolons and decimal commas, as spreadsheets set to German read them."""

    RFC4180 = "rfc4180"
    DE = "de"


_MEDIA_TYPES: Final = {
    TrackFormat.GPX: gpx.MEDIA_TYPE,
    TrackFormat.KML: kml.MEDIA_TYPE,
    TrackFormat.GEOJSON: geojson.MEDIA_TYPE,
    TrackFormat.CSV: csv.MEDIA_TYPE,
    TrackFormat.JSON: json_record.MEDIA_TYPE,
}
_DOCUMENTED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file; `Content-Disposition` names it, `X-Track-Every` says how it was thinned (1: not).",
        "content": {media.partition(";")[0]: {"schema": {"type": "string"}} for media in _MEDIA_TYPES.values()},
    }
}


@router.get(
    "/flights/{flight_id}/track",
    response_class=StreamingResponse,
    responses={**_DOCUMENTED, **problem_responses(503)},
)
async def get_track(
    flight_id: RecordInPath,
    who: Brigade,
    services: Use,
    question: Ask,
    *,
    format_: Annotated[TrackFormat, Query(alias="format")] = TrackFormat.GEOJSON,
    every: Annotated[int, Query(ge=1, le=3600, description="Keep every n-th sample and the ends of segments.")] = 1,
    dialect: Annotated[CsvDialect, Query(description="Of CSV.")] = CsvDialect.RFC4180,
) -> StreamingResponse:
    """Return all samples from take-off to landing, or to the last one in the air; gaps begin a new segment."""

    def begin(budget: QueryBudget) -> FileDownload:
        with services.registry.write() as tx:
            flight = flight_of(tx, who, flight_id)
            thing, detail = (
                object_name(KIND, "flight", flight_id),
                {"what": "track", "format": format_.value, "every": every},
            )
            record_action(tx, who, "flight.read", thing, detail=detail, tenant_id=flight.tenant_id)
        pieces = _pieces(flight, _rows(services.reader.within(budget), flight), format_, every, dialect)
        name = export_title(flight, format_.value, every).file_name
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Track-Every": str(every)}
        return start_download(_blocks(pieces), _MEDIA_TYPES[format_], headers)

    return await question.download(begin)


def _rows(reader: TelemetryReader, flight: FlightRecord) -> Iterator[TelemetryRow]:
    """Rows of the flight; the first is read now, so that a store that is away becomes an answer and no torn file."""
    detected = flight.detected
    key = SeriesKey(flight.asset_id, KIND)
    rows = iter(reader.rows(key, detected.takeoff_us, detected.end_us + 1, fields=FIELDS))
    first = next(rows, None)
    return iter(()) if first is None else chain([first], rows)


def _pieces(
    flight: FlightRecord, rows: Iterable[TelemetryRow], wanted: TrackFormat, every: int, dialect: CsvDialect
) -> Iterator[str]:
    track = export_points(rows, flight.detected.takeoff_us, every)
    heading = export_title(flight, wanted.value, every)
    if wanted is TrackFormat.GPX:
        return gpx.write_gpx(heading, track)
    if wanted is TrackFormat.KML:
        return kml.write_kml(heading, track)
    if wanted is TrackFormat.GEOJSON:
        return geojson.write_geojson(heading, track)
    if wanted is TrackFormat.CSV:
        return csv.csv_rows(track, csv.DIALECTS[dialect.value])
    record = flight_schema(flight).model_dump(mode="json", by_alias=True)
    return json_record.json_record(record, every, track)


def _blocks(pieces: Iterable[str]) -> Iterator[bytes]:
    held: list[str] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _BLOCK:
            yield "".join(held).encode()
            held, size = [], 0
    yield "".join(held).encode()
