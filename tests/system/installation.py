"""Gateway and API as processes on given servers, and a REST client that speaks to them from outside."""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from devices.time_us import rfc3339
from runtime import settings
from runtime.audit_setup import audit_signer_of
from storage.registry.engine import open_registry
from tests.real_parts import ports
from tests.real_parts.brokers import Broker
from tests.real_parts.influxdb import InfluxServer
from tests.real_parts.operator import add_town, make_key
from tests.real_parts.servers import Server
from tests.real_parts.waiting import wait_until

ROOT: Final = Path(__file__).resolve().parents[2]
JOURNAL_MB: Final = 2048
TOWNS: Final = ("kl", "kaiserslautern")


@dataclass(frozen=True)
class Rest:
    """Calls the API with a key that may do everything."""

    address: str
    key: str

    def call(self, method: str, path: str, body: object = None, *, if_match: str = "") -> tuple[int, Any]:
        """Status and decoded answer; paths from `/api/v1` on are given without it."""
        whole = path if path.startswith(("/healthz", "/readyz")) else f"/api/v1{path}"
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        headers |= {"If-Match": if_match} if if_match else {}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + whole, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, _decoded(answer.read())
        except urllib.error.HTTPError as problem:
            with problem:
                return problem.code, _decoded(problem.read())

    def get(self, path: str, **query: object) -> Any:
        """The answer; anything but success raises AssertionError."""
        given = {name.rstrip("_"): value for name, value in query.items() if value is not None}
        status, answer = self.call("GET", f"{path}?{urllib.parse.urlencode(given)}" if given else path)
        assert status == 200, (path, status, answer)
        return answer

    def items(self, path: str, **query: object) -> list[Any]:
        """Items of a list, its first page."""
        return list(self.get(path, **query)["items"])

    def post(self, path: str, body: object = None) -> Any:
        """The answer; anything but success raises AssertionError."""
        status, answer = self.call("POST", path, body)
        assert status in {200, 201, 202}, (path, status, answer)
        return answer

    def samples(self, asset_id: str, from_us: int, **query: object) -> list[Any]:
        """Stored samples of an asset since an instant."""
        return self.items(f"/devices/{asset_id}/telemetry", from_=rfc3339(from_us), limit=10_000, **query)

    def letters(self, device_id: str) -> dict[str, int]:
        """How many dead letters of a device there are, by reason."""
        found = self.items("/dead-letters", device_id=device_id, limit=500)
        return {reason: sum(x["reason"] == reason for x in found) for reason in {x["reason"] for x in found}}

    def ledger(self, kind: str, unit: str = "messages") -> dict[str, Any]:
        """The ledger's line of a kind; {} before there is one."""
        return next((x for x in self.items("/ledger") if (x["kind"], x["unit"]) == (kind, unit)), {})


class Installation:
    """A data directory with settings; its gateway and API are started, killed and started again."""

    def __init__(
        self,
        folder: Path,
        broker: Broker,
        influx: InfluxServer | None = None,
        bucket_prefix: str = "lautern",
        gateway_environment: Mapping[str, str] | None = None,
        *,
        registry_url: str = "",
        key: str = "",
        more: str = "",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._gateway_environment = gateway_environment or {}
        self.broker = broker
        self.influx = influx
        self.bucket_prefix = bucket_prefix
        self.registry_url = registry_url or f"sqlite:///{folder / 'registry.db'}"
        """SQLAlchemy URL of the registry."""
        self.http_port = ports.claim_port()
        self._more = more
        self.write_settings()
        self.gateway = self._server("gateway", self._gateway_ready)
        self.api = self._server("api", lambda: self._answers("/healthz"))
        self._log_from = 0
        self._waits = True
        self.rest = Rest(f"http://127.0.0.1:{self.http_port}", key or self._make_key())

    def _make_key(self) -> str:
        signer = audit_signer_of(settings.load_settings(self.folder))
        registry = open_registry(self.registry_url, migrate=True, checkpoints=True, signer=signer)
        try:
            with registry.write() as tx:
                for tenant_id in TOWNS:
                    add_town(tx, tenant_id, tenant_id, time.time_ns() // 1000)
            return make_key(registry, "test", ["*"])
        finally:
            registry.close()

    def write_settings(self, telemetry_journal_mb: int = JOURNAL_MB, registry_url: str = "") -> None:
        """Write `lautern.toml`; what runs takes it at its next start."""
        broker, influx = self.broker, self.influx
        sections: dict[str, dict[str, str | int]] = {
            "broker": {
                "mode": "external",
                "url": f"mqtt://{broker.host}:{broker.port}",
                "username": broker.gateway.user,
                "password": broker.gateway.password,
            },
            "registry": {"url": registry_url or self.registry_url},
            "gateway": {"metrics_port": ports.claim_port()},
            "http": {"port": self.http_port},
            "journal": {"telemetry_bound_mb": telemetry_journal_mb},
        }
        if influx is not None:
            sections["store"] = {"kind": "influxdb", "url": influx.url, "org": influx.org, "token": influx.token}
            sections["store"]["bucket_prefix"] = self.bucket_prefix
        lines = [
            line
            for name, section in sections.items()
            for line in (f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in section.items()))
        ]
        (self.folder / "lautern.toml").write_text("\n".join([*lines, self._more]) + "\n")

    def start(self) -> None:
        """Start what does not run; returns when both work."""
        self.start_gateway()
        self.api.start()

    def start_gateway(self, *, wait: bool = True) -> None:
        """Start the gateway; returns when it is connected to the broker, or at once."""
        self._log_from = self.gateway.log.stat().st_size if self.gateway.log.exists() else 0
        self._waits = wait
        self.gateway.start()

    def restart_gateway(self) -> None:
        """End the gateway in good order and start it again."""
        self.gateway.stop()
        self.start_gateway()

    def receiver_pid(self) -> int:
        """Process id of the gateway's receiver child."""
        task = Path(f"/proc/{self.gateway.pid}/task/{self.gateway.pid}/children")
        (child,) = task.read_text().split()
        return int(child)

    def said(self, what: str) -> bool:
        """Whether the gateway said that since its last start."""
        with self.gateway.log.open("rb") as log:
            log.seek(self._log_from)
            return what.encode() in log.read()

    def register(self, tenant_id: str, device_ids: Sequence[str]) -> None:
        """Register streetlights; each asset has its device's id."""
        registry = open_registry(self.registry_url, migrate=False)
        since_us = time.time_ns() // 1000
        assets = [Asset(name, tenant_id, "streetlight", name, since_us) for name in device_ids]
        bindings = [DeviceBinding(name, name, tenant_id, "streetlight", 0) for name in device_ids]
        try:
            with registry.write() as tx:
                add_town(tx, tenant_id, tenant_id, since_us)
                tx.get(AssetRepository).add_many(assets, bindings)
        finally:
            registry.close()

    def stop(self) -> None:
        """End both."""
        self.api.stop()
        self.gateway.stop()

    def ready(self) -> bool:
        """Whether the API says that everything works."""
        return self.rest.call("GET", "/readyz")[0] == 200

    def wait_ledger(self, kind: str, distinct: int, timeout_s: float = 30) -> dict[str, Any]:
        """Wait until so many messages of a kind, duplicates apart, are judged and nothing waits in the journal."""
        line: dict[str, Any] = {}

        def settled() -> bool:
            nonlocal line
            line = self.rest.ledger(kind)
            return bool(line) and line["received"] - line["duplicate"] >= distinct and line["in_journal"] == 0

        try:
            wait_until(settled, timeout_s=timeout_s)
        except AssertionError:
            raise AssertionError(f"not {distinct} received within {timeout_s:g} s: {line}") from None
        return line

    def _server(self, name: str, ready: Any) -> Server:
        given = self._gateway_environment if name == "gateway" else {}
        variables = [f"{key}={value}" for key, value in {"PYTHONPATH": str(ROOT), **given}.items()]
        command: Sequence[str | Path] = [
            "env", *variables, sys.executable, "-m", f"runtime.{name}_role", "--data-dir", self.folder,
        ]  # fmt: skip
        return Server(name, command, folder=self.folder, ready=ready)

    def _gateway_ready(self) -> bool:
        if not self._waits:
            return True
        with self.gateway.log.open("rb") as log:
            log.seek(self._log_from)
            said = log.read()
        return b"gateway_started" in said and said.count(b"mqtt_ready") >= 2

    def _answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def running(
    folder: Path,
    broker: Broker,
    influx: InfluxServer | None = None,
    prefix: str = "lautern",
    gateway_environment: Mapping[str, str] | None = None,
    *,
    registry_url: str = "",
    key: str = "",
    more: str = "",
) -> Iterator[Installation]:
    """An installation whose gateway and API run until the block ends.

    `key`: of a registry that is there already; `more`: further settings, TOML.
    """
    installation = Installation(
        folder, broker, influx, prefix, gateway_environment, registry_url=registry_url, key=key, more=more
    )
    try:
        installation.start()
        yield installation
    finally:
        installation.stop()
        _leave_no_session(installation)


def _leave_no_session(installation: Installation) -> None:
    """A session left behind would go on to queue what later tests publish, and mosquitto would write all of it."""
    broker = installation.broker
    broker.start()
    for kept in installation.folder.glob("mqtt-session-*"):
        client = Client(CallbackAPIVersion.VERSION2, kept.read_text().strip(), clean_session=True)
        client.username_pw_set(broker.gateway.user, broker.gateway.password)
        client.connect(broker.host, broker.port)
        client.loop_start()
        try:
            wait_until(client.is_connected, what="a clean session in place of the gateway's")
        finally:
            client.disconnect()
            client.loop_stop()


def _decoded(answer: bytes) -> Any:
    return json.loads(answer) if answer else None
