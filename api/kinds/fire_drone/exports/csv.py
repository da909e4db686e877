"""CSV (RFC 4180, UTF-8): units in the header, empty is unknown, text that a spreadsheet would run is made harmless."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from api.kinds.fire_drone.exports.points import FIELDS, ExportPoint
from devices.samples import Value
from devices.time_us import rfc3339

MEDIA_TYPE: Final = "text/csv; charset=utf-8; header=present"
_NAMES: Final = {"lat": "lat_deg", "lon": "lon_deg", "home_lat": "home_lat_deg", "home_lon": "home_lon_deg"}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class CsvStyle:
    """How numbers are written and fields kept apart."""

    separator: str
    decimal: str


DIALECTS: Final = {"rfc4180": CsvStyle(",", "."), "de": CsvStyle(";", ",")}


def csv_rows(points: Iterable[ExportPoint], dialect: CsvStyle = DIALECTS["rfc4180"]) -> Iterator[str]:
    """Yield the file; `t_s` counts from take-off, `segment` rises after each gap."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=dialect.separator, lineterminator="\r\n")
    writer.writerow(["ts_utc", "t_s", "segment", *(_NAMES.get(name, name) for name in FIELDS)])
    yield _taken(out)
    for point in points:
        head = [rfc3339(point.ts_us), _cell(point.t_s, dialect), str(point.segment)]
        writer.writerow(head + [_cell(point.values.get(name), dialect) for name in FIELDS])
        yield _taken(out)


def _cell(value: Value | None, dialect: CsvStyle) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value).replace(".", dialect.decimal)
    return f"'{value}" if value.startswith(_FORMULA) else value


def _taken(out: io.StringIO) -> str:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text
