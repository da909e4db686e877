"""Lines of any measurement, tags and fields, to take a bucket out and in again without knowing what is in it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from devices.instants import to_us
from storage.telemetry.influx_http import Table

NOT_TAGS: Final = frozenset({"", "result", "table", "_start", "_stop", "_time", "_value", "_field", "_measurement"})
LINE_CHARS: Final = 2**20
"""Four times what a message may have."""
_KEY: Final = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ "})
_MEASUREMENT: Final = str.maketrans({",": "\\,", " ": "\\ "})
_TEXT: Final = str.maketrans({"\\": "\\\\", '"': '\\"'})
_SUFFIX: Final[Mapping[str, str]] = {"double": "", "long": "i", "unsignedLong": "u", "boolean": ""}
_ESCAPED: Final = re.compile(r"\\.", re.DOTALL)
_QUOTED: Final = re.compile(r'"[^"]*"')


class Points:
    """Values as the server tells them, field by field, put together to one line per series and time."""

    def __init__(self) -> None:
        self._points: dict[tuple[str, str], list[str]] = {}
        self._known: Table | None = None
        self._heads: dict[tuple[str, ...], str] = {}
        self._tags: Sequence[tuple[str, int]] = ()
        self.values = 0

    def add(self, table: Table, row: Sequence[str]) -> None:
        """Take one value, of any type that InfluxDB stores."""
        if table is not self._known:
            self._known, self._heads = table, {}
            self._tags = [(name, at) for name, at in sorted(table.place.items()) if name not in NOT_TAGS]
        place = table.place
        series = (row[place["_measurement"]], *(row[at] for _, at in self._tags))
        head = self._heads.get(series)
        if head is None:
            head = self._heads[series] = _head(series, [name for name, _ in self._tags])
        field = f"{row[place['_field']].translate(_KEY)}={_value(table.types[place['_value']], row[place['_value']])}"
        self._points.setdefault((head, row[place["_time"]]), []).append(field)
        self.values += 1

    def take(self) -> Iterator[str]:
        """The lines so far, times in ns; they are forgotten here."""
        points, self._points, self.values = self._points, {}, 0
        times: dict[str, int] = {}
        for (head, time), fields in points.items():
            instant = times.get(time)
            if instant is None:
                instant = times[time] = instant_ns(time)
            yield f"{head} {','.join(fields)} {instant}"


def _head(series: Sequence[str], tags: Sequence[str]) -> str:
    named = zip(tags, series[1:], strict=True)
    shown = "".join(f",{name.translate(_KEY)}={value.translate(_KEY)}" for name, value in named if value)
    return series[0].translate(_MEASUREMENT) + shown


def _value(flux_type: str, text: str) -> str:
    suffix = _SUFFIX.get(flux_type)
    if suffix is not None:
        return text + suffix
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
