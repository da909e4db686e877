"""A real InfluxDB 2 for a test run, with its own organisation and token."""

import json
import secrets
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.real_parts import finding, ports
from tests.real_parts.servers import Server, serving


@dataclass(frozen=True, kw_only=True)
class InfluxServer:
    """Where the server is; `server` can be killed and started again."""

    url: str
    org: str
    token: str
    server: Server

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One request to the HTTP API (path from /api/v2 on); returns the decoded answer, None when it is empty."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Token {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as response:
            answer = response.read()
        return json.loads(answer) if answer else None

    def buckets(self, prefix: str = "") -> dict[str, str]:
        """Names and ids of the buckets whose name begins so."""
        found = self.call("GET", f"/api/v2/buckets?limit=100&org={urllib.parse.quote(self.org)}")["buckets"]
        return {bucket["name"]: bucket["id"] for bucket in found if bucket["name"].startswith(prefix)}

    def create_bucket(self, name: str, *, retention_s: int = 0) -> None:
        """Create a bucket; 0 keeps for ever."""
        org_id = self.call("GET", f"/api/v2/orgs?org={urllib.parse.quote(self.org)}")["orgs"][0]["id"]
        rules = [{"type": "expire", "everySeconds": retention_s}] if retention_s else []
        self.call("POST", "/api/v2/buckets", {"orgID": org_id, "name": name, "retentionRules": rules})

    def create_token(self, *actions: str, sees_organisation: bool = True) -> "Token":
        """A token that may do this (`read`, `write`) with all buckets, and read the organisation."""
        org_id = self.call("GET", f"/api/v2/orgs?org={urllib.parse.quote(self.org)}")["orgs"][0]["id"]
        permissions = [{"action": action, "resource": {"type": "buckets", "orgID": org_id}} for action in actions]
        if sees_organisation:
            permissions.append({"action": "read", "resource": {"type": "orgs", "id": org_id}})
        made = self.call("POST", "/api/v2/authorizations", {"orgID": org_id, "permissions": permissions})
        return Token(made["id"], made["token"])

    def set_active(self, token: "Token", *, active: bool) -> None:
        """Revoke a token, or let it in again."""
        status = "active" if active else "inactive"
        self.call("PATCH", f"/api/v2/authorizations/{token.token_id}", {"status": status})


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a server."""

    token_id: str
    text: str


@contextmanager
def running(folder: Path) -> Iterator[InfluxServer]:
    """Run a new server in a folder, set up; empty but for the bucket `unused`."""
    program = finding.require_tool("influxd")
    port = ports.claim_port()
    url = f"http://127.0.0.1:{port}"
    command = _command(program, folder, port)
    with serving(Server("influxd", command, folder=folder, ready=lambda: _is_ready(url))) as server:
        influx = InfluxServer(url=url, org="lautern", token=secrets.token_urlsafe(32), server=server)
        names = {"username": "admin", "password": secrets.token_urlsafe(16), "org": influx.org}
        influx.call("POST", "/api/v2/setup", names | {"bucket": "unused", "token": influx.token})
        yield influx


@pytest.fixture(scope="session")
def influxdb(influxd_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxServer]:
    """A running InfluxDB 2 for the whole test run."""
    with running(tmp_path_factory.mktemp("influxdb")) as influx:
        yield influx


@pytest.fixture
def bucket_prefix(influxdb: InfluxServer) -> Iterator[str]:
    """A prefix no other test uses; buckets whose name begins so are deleted after the test."""
    prefix = f"t{secrets.token_hex(6)}_"
    yield prefix
    influxdb.server.start()
    for bucket_id in influxdb.buckets(prefix).values():
        influxdb.call("DELETE", f"/api/v2/buckets/{bucket_id}")


def _command(program: Path, folder: Path, port: int) -> list[str | Path]:
    return [
        program, "run", "--reporting-disabled", "--log-level", "warn",
        "--bolt-path", folder / "influxd.bolt",
        "--sqlite-path", folder / "influxd.sqlite",
        "--engine-path", folder / "engine",
        "--http-bind-address", f"127.0.0.1:{port}",
    ]  # fmt: skip


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ready", timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
