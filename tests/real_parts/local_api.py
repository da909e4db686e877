"""The API of a data directory as `--data-dir` gives it, without the child that it runs in."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fastapi import FastAPI

from cli.remote import asgi_transport
from cli.remote.api_client import ApiClient
from cli.remote.responses import ApiResponse
from runtime import settings


@contextmanager
def api_here(data_dir: Path | None) -> Iterator[ApiClient]:
    """In place of `cli.remote.local_api.api_of`."""
    chosen = settings.load_settings(data_dir)
    with asgi_transport.open_application(chosen) as app:
        yield ApiClient(_InProcess(app, chosen.http.address))


class _InProcess:
    def __init__(self, app: FastAPI, address: str) -> None:
        self._app, self._address = app, address

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> ApiResponse:
        """The answer, whatever its status."""
        asked = {"method": method, "path": path, "headers": headers, "body": body.decode() if body else None}
        found = asyncio.run(asgi_transport.answer(self._app, self._address, asked))
        return ApiResponse(found["status"], found["body"].encode(), found["headers"])
