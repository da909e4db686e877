"""Reads Flux answers: one row per field and time becomes one set of values per time."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from devices.instants import to_us
from devices.samples import Value
from storage.telemetry.influx_http import Table

ByTime = dict[int, dict[str, Value]]
_FROM_TEXT: Final[Mapping[str, Callable[[str], Value]]] = {
    "double": float,
    "long": int,
    "unsignedLong": int,
    "boolean": lambda text: text == "true",
    # The server writes CSV with CRLF, within texts too. A lone CR it swallows; `devices.fields.Text` admits none.
    "string": lambda text: text.replace("\r\n", "\n"),
}


def instant_us(text: str) -> int:
    """Microseconds of Flux's RFC 3339."""
    return to_us(datetime.fromisoformat(text))


def by_time(answer: Iterable[tuple[Table, list[str]]]) -> ByTime:
    """Values of one series by time, in no particular order."""
    return by_series(answer).get(("", ""), {})


def by_series(answer: Iterable[tuple[Table, list[str]]]) -> dict[tuple[str, str], ByTime]:
    """Values by asset and part (empty where the answer has no such column), then by time."""
    found: dict[tuple[str, str], ByTime] = {}
    instants: dict[str, int] = {}
    known: Table | None = None
    time_at = field_at = value_at = asset_at = part_at = 0
    convert: Callable[[str], Value] = str
    for table, row in answer:
        if table is not known:
            known, place = table, table.place
            time_at, field_at, value_at = place["_time"], place["_field"], place["_value"]
            # Column 0 holds the annotation and is empty in every row.
            asset_at, part_at = place.get("asset", 0), place.get("part", 0)
            convert = _FROM_TEXT[table.types[value_at]]
        text = row[time_at]
        ts_us = instants.get(text)
        if ts_us is None:
            ts_us = instants[text] = instant_us(text)
        times = found.setdefault((row[asset_at], row[part_at]), {})
        values = times.get(ts_us)
        if values is None:
            values = times[ts_us] = {}
        values[row[field_at]] = convert(row[value_at])
    return found
