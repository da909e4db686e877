"""The API without a network, for whoever has the machine: requests come as lines of JSON, answers go the same way.

A program of its own, so that a command line that speaks to an API elsewhere loads none of it.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TextIO
from urllib.parse import urlsplit

from fastapi import FastAPI

from api import authentication
from api.application import create_app
from application.tenants import take_in_first_tenant
from devices.kind_catalog import discover_kinds
from runtime import logging_setup, program_support, settings, settings_models, stores
from runtime.api_role import services_of
from runtime.audit_setup import now_us, operator
from runtime.registry_access import registry_of


def main(data_dir: Annotated[Path, program_support.DATA_DIR]) -> None:
    """Answer requests until standard input ends."""
    chosen = settings.load_settings(data_dir)
    logging_setup.set_up(settings_models.LogSettings(level="error"))
    with _answers() as out, open_application(chosen) as app:
        for line in sys.stdin:
            answered = asyncio.run(answer(app, chosen.http.address, json.loads(line)))
            out.write(json.dumps(answered) + "\n")
            out.flush()


@contextmanager
def _answers() -> Iterator[TextIO]:
    """Where answers go; whatever else is printed goes to standard error."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as out:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        yield out


@contextmanager
def open_application(chosen: settings.Settings) -> Iterator[FastAPI]:
    """The API of an installation, at which whoever runs this program is signed in."""
    catalog = discover_kinds()
    who = operator(catalog)
    reader = stores.open_reader(chosen, catalog)
    try:
        with registry_of(chosen, recording=True) as registry:
            with registry.write() as tx:
                take_in_first_tenant(tx, who, chosen.default_tenant, now_us())
            app = create_app(services_of(chosen, registry, reader, catalog))
            for asked in (authentication.presented_identity, authentication.signed_in_caller):
                app.dependency_overrides[asked] = lambda: who
            yield app
    finally:
        reader.close()


async def answer(app: FastAPI, address: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Carry one request to the application (ASGI 3) and gather its answer."""
    path, _, query = request["path"].partition("?")
    parts = urlsplit(address)
    headers = {**request["headers"], "host": parts.netloc}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request["method"],
        "scheme": parts.scheme,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "server": (parts.hostname, parts.port),
        "client": None,
    }
    body: list[bytes] = []
    start: dict[str, Any] = {}

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": (request["body"] or "").encode(), "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            body.append(message.get("body", b""))

    await app(scope, receive, send)
    return {
        "status": start["status"],
        "headers": {name.decode(): value.decode() for name, value in start["headers"]},
        "body": b"".join(body).decode(),
    }


if __name__ == "__main__":
    program_support.run_program("inside", main)
