"""CSV for people's spreadsheets: streamed, quoted, harmless."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from starlette.responses import Response

MEDIA_TYPE: Final = "text/csv"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_ROWS_PER_CHUNK: Final = 500
_TYPE: Final = MEDIA_TYPE + "; charset=utf-8"


@dataclass(frozen=True, slots=True)
class FileDownload:
    """A file that is made while it is sent."""

    blocks: Iterator[bytes]
    media_type: str
    headers: Mapping[str, str]


def wants_csv(accept: str | None) -> bool:
    """Tell whether an Accept header names CSV."""
    return any(part.split(";")[0].strip().lower() == MEDIA_TYPE for part in (accept or "").split(","))


def csv_cell(value: object) -> object:
    """Value of a cell; text that a spreadsheet would run as a formula is prefixed with an apostrophe."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def csv_chunks(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """CSV in chunks of some hundred rows (RFC 4180)."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(header)
    for number, row in enumerate(rows, 1):
        writer.writerow([csv_cell(v) for v in row])
        if number % _ROWS_PER_CHUNK == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def csv_download(header: Sequence[str], rows: Iterable[Sequence[Any]], name: str) -> FileDownload:
    """CSV as a file of this name, whose first chunk is made now."""
    return start_download(csv_chunks(header, rows), _TYPE, {"Content-Disposition": _file(name)})


def csv_answer(header: Sequence[str], rows: Iterable[Sequence[Any]], name: str) -> Response:
    """Answer with CSV, all at once, as a file of this name."""
    content = b"".join(csv_chunks(header, rows))
    return Response(content, media_type=_TYPE, headers={"Content-Disposition": _file(name)})


def start_download(blocks: Iterable[bytes], media_type: str, headers: Mapping[str, str]) -> FileDownload:
    """A file whose first block is made now, so that what fails there becomes a problem and no torn file."""
    rest = iter(blocks)
    return FileDownload(chain([next(rest, b"")], rest), media_type, headers)


def _file(name: str) -> str:
    return f'attachment; filename="{name}.csv"'
