"""A flight's track as a file: at full rate unless `every` asks otherwise, streamed."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import chain
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from api.fields import RecordInPath
from api.kinds.fire_drone.brigade import KIND, Brigade, flight_of
from api.kinds.fire_drone.exports import csv, geojson, gpx, json_record, kml
from api.kinds.fire_drone.exports.points import FIELDS, points, title
from api.kinds.fire_drone.flights import show
from api.problems import responses
from api.queries import Ask
from api.recording import of, record
from api.services import Use
from api.tables import Download, begun
from devices.fire_drone.ports import Flight
from devices.ports.telemetry import Row, TelemetryReader
from devices.query_budget import QueryBudget
from devices.samples import SeriesKey

_BLOCK: Final = 32 * 1024
router = APIRouter()


class Format(StrEnum):
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
    Format.GPX: gpx.MEDIA_TYPE,
    Format.KML: kml.MEDIA_TYPE,
    Format.GEOJSON: geojson.MEDIA_TYPE,
    Format.CSV: csv.MEDIA_TYPE,
    Format.JSON: json_record.MEDIA_TYPE,
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
    responses={**_DOCUMENTED, **responses(503)},
)
async def get_track(
    flight_id: RecordInPath,
    who: Brigade,
    services: Use,
    question: Ask,
    *,
    format_: Annotated[Format, Query(alias="format")] = Format.GEOJSON,
    every: Annotated[int, Query(ge=1, le=3600, description="Keep every n-th sample and the ends of segments.")] = 1,
    dialect: Annotated[CsvDialect, Query(description="Of CSV.")] = CsvDialect.RFC4180,
) -> StreamingResponse:
    """Return all samples from take-off to landing, or to the last one in the air; gaps begin a new segment."""

    def begin(budget: QueryBudget) -> Download:
        with services.registry.write() as tx:
            flight = flight_of(tx, who, flight_id)
            thing, detail = of(KIND, "flight", flight_id), {"what": "track", "format": format_.value, "every": every}
            record(tx, who, "flight.read", thing, detail=detail, tenant_id=flight.tenant_id)
        pieces = _pieces(flight, _rows(services.reader.within(budget), flight), format_, every, dialect)
        name = title(flight, format_.value, every).file_name
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Track-Every": str(every)}
        return begun(_blocks(pieces), _MEDIA_TYPES[format_], headers)

    return await question.download(begin)


def _rows(reader: TelemetryReader, flight: Flight) -> Iterator[Row]:
    """Rows of the flight; the first is read now, so that a store that is away becomes an answer and no torn file."""
    detected = flight.detected
    key = SeriesKey(flight.asset_id, KIND)
    rows = iter(reader.rows(key, detected.takeoff_us, detected.end_us + 1, fields=FIELDS))
    first = next(rows, None)
    return iter(()) if first is None else chain([first], rows)


def _pieces(flight: Flight, rows: Iterable[Row], wanted: Format, every: int, dialect: CsvDialect) -> Iterator[str]:
    track = points(rows, flight.detected.takeoff_us, every)
    heading = title(flight, wanted.value, every)
    if wanted is Format.GPX:
        return gpx.gpx(heading, track)
    if wanted is Format.KML:
        return kml.kml(heading, track)
    if wanted is Format.GEOJSON:
        return geojson.geojson(heading, track)
    if wanted is Format.CSV:
        return csv.csv_rows(track, csv.DIALECTS[dialect.value])
    record = show(flight).model_dump(mode="json", by_alias=True)
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
