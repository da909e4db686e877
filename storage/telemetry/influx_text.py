"""Lines of any measurement, tags and fields, to take a bucket out and in again without knowing what is in it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from devices.time_us import to_us
from storage.telemetry.influx_http import FluxTable

NOT_TAGS: Final = frozenset({"", "result", "table", "_start", "_stop", "_time", "_value", "_field", "_measurement"})
LINE_CHARS: Final = 2**20
"""Four times what a message may have."""
_KEY: Final = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ "})
_MEASUREMENT: Final = str.maketrans({",": "\\,", " ": "\\ "})
_TEXT: Final = str.maketrans({"\\": "\\\\", '"': '\\"'})
_SUFFIX: Final[Mapping[str, str]] = {"double": "", "long": "i", "unsignedLong": "u", "boolean": ""}
_ESCAPED: Final = re.compile(r"\\.", re.DOTALL)
_QUOTED: Final = re.compile(r'"[^"]*"')


class TextPoints:
    """Values as the server tells them, field by field, put together to one line per series and time."""

    def __init__(self) -> None:
        self._points: dict[tuple[str, str], list[str]] = {}
        self._known: FluxTable | None = None
        self._number: str | None = None
        self._places = (0, 0, 0)
        self._head = self._field = self._suffix = ""
        self._is_text = False
        self.values = 0

    def add(self, table: FluxTable, row: Sequence[str]) -> None:
        """Take one value, of any type that InfluxDB stores."""
        if table is not self._known:
            self._known, self._number = table, None
            self._places = (table.place["table"], table.place["_time"], table.place["_value"])
        number_at, time_at, value_at = self._places
        if row[number_at] != self._number:
            self._begin(table, row)
            self._number = row[number_at]
        value = _quoted(row[value_at]) if self._is_text else row[value_at]
        key = (self._head, row[time_at])
        fields = self._points.get(key)
        if fields is None:
            fields = self._points[key] = []
        fields.append(f"{self._field}={value}{self._suffix}")
        self.values += 1

    def _begin(self, table: FluxTable, row: Sequence[str]) -> None:
        """All rows with one number are of one series and field."""
        place = table.place
        tags = [(name, row[at]) for name, at in sorted(place.items()) if name not in NOT_TAGS and row[at]]
        shown = "".join(f",{name.translate(_KEY)}={value.translate(_KEY)}" for name, value in tags)
        self._head = row[place["_measurement"]].translate(_MEASUREMENT) + shown
        self._field = row[place["_field"]].translate(_KEY)
        suffix = _SUFFIX.get(table.types[place["_value"]])
        self._suffix, self._is_text = suffix or "", suffix is None

    def drain_lines(self) -> Iterator[str]:
        """The lines so far, times in ns; they are forgotten here."""
        points, self._points, self.values = self._points, {}, 0
        times: dict[str, int] = {}
        for (head, time), fields in points.items():
            instant = times.get(time)
            if instant is None:
                instant = times[time] = instant_ns(time)
            yield f"{head} {','.join(fields)} {instant}"


def _quoted(text: str) -> str:
    # The server writes CSV with CRLF, within texts too.
    return '"' + text.replace("\r\n", "\n").translate(_TEXT) + '"'


def instant_ns(text: str) -> int:
    """Nanoseconds since 1970 of Flux's RFC 3339, which has up to nine digits after the point."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return to_us(datetime.fromisoformat(whole + "+00:00")) * 1000 + int(fraction.ljust(9, "0") or 0)


def lines_of(pieces: Iterable[bytes]) -> Iterator[str]:
    """Lines of protocol without their ends; a text in quotes may hold ends of lines that are none.

    Raises ValueError for what is too long, or no UTF-8.
    """
    waiting = ""
    for piece in pieces:
        waiting += piece.decode()
        if len(waiting) > LINE_CHARS:
            raise ValueError(f"a line of more than {LINE_CHARS} characters")
        if _is_whole(waiting):
            yield waiting.removesuffix("\n")
            waiting = ""
    if waiting:
        yield waiting


def _is_whole(text: str) -> bool:
    if '"' not in text:
        return text.endswith("\n")
    return text.endswith("\n") and (_ESCAPED.sub("", text) if "\\" in text else text).count('"') % 2 == 0


def time_of(line: str) -> int:
    """Time of a line, ns. Raises ValueError."""
    return int(line.rpartition(" ")[2])


def values_in(line: str) -> int:
    """Fields of a line."""
    plain = _QUOTED.sub("", _ESCAPED.sub("", line))
    return plain.split(" ")[1].count(",") + 1
