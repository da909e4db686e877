"""The browser's files, held in memory under one digest of all: immutable for caches, compressed once."""

import hashlib
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api.web.encoding import ENCODINGS, Encoding, choose, compress

STATIC: Final = Path(__file__).parent / "static"
TYPES: Final[Mapping[str, str]] = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".geojson": "application/geo+json",
    ".txt": "text/plain; charset=utf-8",
}
_IMPORT: Final = re.compile(
    r"""^\s*(?:import|export)\s[^;]*?from\s+"(\.[^"]+)"|^\s*import\s+"(\.[^"]+)\"""", re.MULTILINE
)
_FOREVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class WebFile:
    """One file as it is sent."""

    content: bytes
    media_type: str

    @cached_property
    def packed(self) -> Mapping[Encoding, bytes]:
        """In each encoding, compressed once."""
        return {encoding: compress(self.content, encoding) for encoding in ENCODINGS}


class WebFiles:
    """All files by path. Relative imports work because everything stands below the same digest."""

    def __init__(self, found: Mapping[str, bytes]) -> None:
        self._files = {path: WebFile(content, TYPES[posixpath.splitext(path)[1]]) for path, content in found.items()}
        whole = hashlib.sha256()
        for path in sorted(found):
            whole.update(f"{path}\0{len(found[path])}\0".encode() + found[path])
        self.digest = whole.hexdigest()[:16]
        self._loads: dict[str, tuple[str, ...]] = {}
        self._prepared: set[str] = set()

    def address(self, path: str) -> str:
        """Path of a file's URL. Raises KeyError for one that there is not."""
        self._files[path]
        return f"/static/{self.digest}/{path}"

    def has(self, path: str) -> bool:
        """Tell whether there is such a file."""
        return path in self._files

    def weight(self, suffixes: tuple[str, ...]) -> int:
        """Bytes of all files with these endings, compressed with Brotli."""
        return sum(len(file.packed["br"]) for path, file in self._files.items() if path.endswith(suffixes))

    async def prepare(self, path: str) -> None:
        """Compress a file once, in a thread: the largest takes a third of a second."""
        if path in self._files and path not in self._prepared:
            await run_in_threadpool(getattr, self._files[path], "packed")
            self._prepared.add(path)

    def loads(self, module: str) -> tuple[str, ...]:
        """Modules that one loads, itself first, so that a page can ask for all at once."""
        if module not in self._loads:
            found: dict[str, None] = {}
            self._walk(module, found)
            self._loads[module] = tuple(found)
        return self._loads[module]

    def answer(self, request: Request, digest: str, path: str) -> Response | None:
        """Answer of one file; None when there is none. A page from before an update gets what is here, uncached."""
        file = self._files.get(path)
        if file is None:
            return None
        etag = f'"{self.digest}"'
        headers = {"Cache-Control": _FOREVER if digest == self.digest else "no-cache", "Vary": "Accept-Encoding"}
        headers["ETag"] = etag
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        encoding = choose(request.headers.get("accept-encoding", ""))
        if encoding is None:
            return Response(file.content, headers=headers, media_type=file.media_type)
        headers["Content-Encoding"] = encoding
        return Response(file.packed[encoding], headers=headers, media_type=file.media_type)

    def _walk(self, module: str, found: dict[str, None]) -> None:
        if module in found or module not in self._files:
            return
        found[module] = None
        for ours, bare in _IMPORT.findall(self._files[module].content.decode()):
            self._walk(posixpath.normpath(posixpath.join(posixpath.dirname(module), ours or bare)), found)


def read_web_files(folder: Path, below: str = "") -> Mapping[str, bytes]:
    """Files of a folder that browsers may have, by path under `below`, as they were written."""
    return {
        posixpath.join(below, path.relative_to(folder).as_posix()): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in TYPES
    }
