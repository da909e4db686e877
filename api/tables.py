"""CSV for people's spreadsheets: streamed, quoted, harmless."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

from starlette.responses import StreamingResponse

MEDIA_TYPE: Final = "text/csv"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_ROWS_PER_CHUNK: Final = 500


def wants_csv(accept: str | None) -> bool:
    """Tell whether an Accept header names CSV."""
    return any(part.split(";")[0].strip().lower() == MEDIA_TYPE for part in (accept or "").split(","))


def cell(value: object) -> object:
    """Value of a cell; text that a spreadsheet would run as a formula is prefixed with an apostrophe."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """CSV in chunks of some hundred rows (RFC 4180)."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(header)
    for number, row in enumerate(rows, 1):
        writer.writerow([cell(v) for v in row])
        if number % _ROWS_PER_CHUNK == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def streamed(header: Sequence[str], rows: Iterable[Sequence[Any]], name: str) -> StreamingResponse:
    """Answer with CSV as a file of this name; what fails before the first chunk still becomes a problem."""
    chunks = lines(header, rows)
    first = next(chunks)
    return StreamingResponse(
        chain([first], chunks),
        media_type=MEDIA_TYPE + "; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
