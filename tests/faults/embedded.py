"""`lautern up` with its own broker, as an operator runs it, spoken to with the logins of its devices."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from application.device_credentials import issue_passwords
from application.ports.credentials import CredentialRepository
from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from runtime.broker.service_passwords import ServicePasswords
from storage.registry.engine import SqlRegistry, open_registry
from tests.real_parts.brokers import Broker, Login
from tests.real_parts.ports import answers, claim_port
from tests.real_parts.servers import Server, serving
from tests.real_parts.waiting import wait_until
from tests.system.installation import ROOT
from tests.system.speaking import now_us


@dataclass(frozen=True)
class Embedded:
    """A running installation."""

    folder: Path
    server: Server
    port: int
    http_port: int
    metrics_port: int

    @property
    def registry_url(self) -> str:
        """SQLAlchemy URL of the registry."""
        return f"sqlite:///{self.folder / 'registry.db'}"

    def registry(self) -> SqlRegistry:
        """To be closed."""
        return open_registry(self.registry_url, migrate=False)

    def as_broker(self, login: Login) -> Broker:
        """The broker, for a client with this login."""
        host = "127.0.0.1"
        return Broker(name="embedded", host=host, port=self.port, gateway=login, device=login, server=self.server)

    def inside(self, user: str) -> Login:
        """The login of a user of the program's own."""
        return Login(user, ServicePasswords(self.folder / "broker").password(user))

    def said(self) -> str:
        """What all parts printed."""
        return self.server.log.read_text(errors="replace")

    def child(self, module: str) -> int:
        """Process id of a part."""
        tasks = Path(f"/proc/{self.server.pid}/task").glob("*/children")
        for pid in (pid for task in tasks for pid in task.read_text().split()):
            if module in Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "):
                return int(pid)
        return 0


@contextmanager
def embedded(
    folder: Path,
    devices: Sequence[str],
    logs: Path | None = None,
    *,
    certificate: Path | None = None,
    more: Mapping[str, object] | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[tuple[Embedded, dict[str, Login]]]:
    """`lautern up` inside the block, with these streetlights registered and allowed in; their logins by device.

    `logs`: folder of what it says, where that is not to be beside the data. `certificate`: with its key in one PEM
    file; then MQTT goes over TLS. `more`: further settings, as in `QUOTA__MESSAGES_PER_S`. `host`, `port`: where these
    have the broker listen.
    """
    port, http_port = port or claim_port(), claim_port()
    logins = {device: f"kl/streetlight/{device}" for device in devices}
    metrics_port = claim_port()
    settings = {"BROKER__URL": f"mqtt://127.0.0.1:{port}", "GATEWAY__METRICS_PORT": metrics_port, **(more or {})}
    if certificate is not None:
        settings |= {"BROKER__URL": f"mqtts://127.0.0.1:{port}"}
        settings |= {f"BROKER__TLS_{part}_FILE": str(certificate) for part in ("CERT", "KEY")}
    variables = [f"LAUTERN_{name}={value}" for name, value in settings.items()]
    up = [sys.executable, "-m", "cli", "up", "--data-dir", str(folder), "--port", str(http_port)]
    known = _let_in(folder, logins)
    command = ["env", f"PYTHONPATH={ROOT}", *variables, *up]
    with serving(Server("up", command, folder=logs or folder, ready=lambda: answers(port, host))) as server:
        town = Embedded(folder, server, port, http_port, metrics_port)
        _register(town, devices)
        wait_until(lambda: town.said().count("mqtt_ready") >= 2, timeout_s=90, what="the gateway at its broker")
        wait_until(lambda: "auth_callout_open" in town.said(), timeout_s=20, what="the auth callout")
        yield town, known


def _let_in(folder: Path, users: Mapping[str, str]) -> dict[str, Login]:
    folder.mkdir(parents=True, exist_ok=True)
    registry = open_registry(f"sqlite:///{folder / 'registry.db'}")
    try:
        with registry.write() as tx:
            passwords = issue_passwords(tx.get(CredentialRepository), list(users.values()), "test", now_us())
    finally:
        registry.close()
    return {device: Login(user, passwords[user]) for device, user in users.items()}


def _register(town: Embedded, devices: Sequence[str]) -> None:
    registry = town.registry()
    try:
        with registry.write() as tx:
            assets = [Asset(device, "kl", "streetlight", device, now_us()) for device in devices]
            bindings = [DeviceBinding(device, device, "kl", "streetlight", 0) for device in devices]
            tx.get(AssetRepository).add_many(assets, bindings)
    finally:
        registry.close()
