"""Reads Flux answers: one row per field and time becomes one set of values per time."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final, TypeVar

from devices.samples import Value
from devices.time_us import to_us
from storage.telemetry.influx_http import FluxTable

T = TypeVar("T")
Answer = Iterable[tuple[FluxTable, list[str]]]
ByTime = dict[int, dict[str, Value]]
NumbersByTime = dict[int, dict[str, float]]
_NUMBER_FROM_TEXT: Final[Mapping[str, Callable[[str], float]]] = {"double": float, "long": int, "unsignedLong": int}
_FROM_TEXT: Final[Mapping[str, Callable[[str], Value]]] = {
    **_NUMBER_FROM_TEXT,
    "boolean": lambda text: text == "true",
    # The server writes CSV with CRLF, within texts too. A lone CR it swallows; `devices.fields.Text` admits none.
    "string": lambda text: text.replace("\r\n", "\n"),
}


def instant_us(text: str) -> int:
    """Microseconds of Flux's RFC 3339."""
    return to_us(datetime.fromisoformat(text))


def by_time(answer: Answer) -> ByTime:
    """Values of one series by time, in no particular order."""
    return by_series(answer, _FROM_TEXT).get(("", ""), {})


def numbers_by_time(answer: Answer) -> NumbersByTime:
    """Numbers of one series by time; other values are left out."""
    return by_series(answer, _NUMBER_FROM_TEXT).get(("", ""), {})


def numbers_by_series(answer: Answer) -> dict[tuple[str, str], NumbersByTime]:
    """Numbers by asset and part, then by time."""
    return by_series(answer, _NUMBER_FROM_TEXT)


def by_series(
    answer: Answer, readers: Mapping[str, Callable[[str], T]]
) -> dict[tuple[str, str], dict[int, dict[str, T]]]:
    """Values of types that have a reader, by asset and part (empty where there is no such column), then by time."""
    found: dict[tuple[str, str], dict[int, dict[str, T]]] = {}
    instants: dict[str, int] = {}
    known: FluxTable | None = None
    time_at = field_at = value_at = asset_at = part_at = 0
    read: Callable[[str], T] | None = None
    for table, row in answer:
        if table is not known:
            known, place = table, table.place
            time_at, field_at, value_at = place["_time"], place["_field"], place["_value"]
            # Column 0 is empty in every row.
            asset_at, part_at = place.get("asset", 0), place.get("part", 0)
            read = readers.get(table.types[value_at])
        if read is None:
            continue
        text = row[time_at]
        ts_us = instants.get(text)
        if ts_us is None:
            ts_us = instants[text] = instant_us(text)
        series = (row[asset_at], row[part_at])
        times = found.get(series)
        if times is None:
            times = found[series] = {}
        values = times.get(ts_us)
        if values is None:
            values = times[ts_us] = {}
        values[row[field_at]] = read(row[value_at])
    return found
