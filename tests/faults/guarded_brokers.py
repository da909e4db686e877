"""Both brokers as they let devices in: each with what keeps it at the registry's word, spoken to with paho."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from application.device_credentials import issue_passwords
from application.ports.credentials import CredentialRepository, LoginRefusals
from application.ports.registry import Registry
from devices.time_us import SECOND_US
from runtime.broker.jwt_signer import JwtSigner
from runtime.broker.nats_conf import MAX_CONSUMERS, NatsConf
from runtime.broker.service_passwords import INSIDE, ServicePasswords
from storage.registry.engine import open_registry
from tests.real_parts import finding
from tests.real_parts.brokers import Login
from tests.real_parts.ports import answers, claim_port
from tests.real_parts.servers import Server, serving
from tests.real_parts.waiting import wait_until
from tests.system.installation import ROOT
from tests.system.speaking import now_us


@dataclass(frozen=True)
class GuardedBroker:
    """A broker that follows a registry."""

    name: str
    port: int
    """For devices."""
    inside_port: int
    """For the gateway."""
    gateway: Login
    registry: Registry
    server: Server
    keeper: Server
    """What keeps the broker at the registry's word."""
    setup_url: str = ""
    """For NATS' own protocol, as the user that keeps the bounds."""

    def issue(self, device: str, ago_s: int = 0) -> Login:
        """A login for a lamp of the town `kl`; it replaces the one it had."""
        user, at_us = f"kl/streetlight/{device}", now_us() - ago_s * SECOND_US
        with self.registry.write() as tx:
            return Login(user, issue_passwords(tx.get(CredentialRepository), [user], "test", at_us)[user])

    def issue_all(self, devices: Sequence[str]) -> dict[str, Login]:
        """Logins for lamps of the town `kl`, by device."""
        users = {f"kl/streetlight/{device}": device for device in devices}
        with self.registry.write() as tx:
            passwords = issue_passwords(tx.get(CredentialRepository), list(users), "test", now_us())
        return {device: Login(user, passwords[user]) for user, device in users.items()}

    def revoke(self, login: Login) -> None:
        """Take it away."""
        with self.registry.write() as tx:
            tx.get(CredentialRepository).revoke(login.user, now_us())

    def refused(self) -> dict[tuple[str, str], int]:
        """How often whom for what reason."""
        with self.registry.read() as tx:
            return {(r.user, r.reason): r.times for r in tx.get(LoginRefusals).find().items}

    def admits(self, login: Login, client_id: str = "") -> bool:
        """Whether a login is good now."""
        with self.client(login, client_id) as speaker:
            wait_until(lambda: bool(speaker.said), what="an answer to CONNECT")
            return speaker.said[0] == "Success"

    @contextmanager
    def client(self, login: Login, client_id: str, *, persistent: bool = False) -> Iterator["Speaker"]:
        """A client that connects, and comes back when it is cut."""
        port = self.inside_port if login == self.gateway else self.port
        speaker = Speaker(client_id, login, persistent=persistent)
        speaker.client.connect("127.0.0.1", port)
        speaker.client.loop_start()
        try:
            yield speaker
        finally:
            speaker.client.disconnect()
            speaker.client.loop_stop()
            # Its thread may have come back just before it was stopped; nobody would close that connection.
            if (left := speaker.client.socket()) is not None:
                left.close()


@dataclass
class Speaker:
    """A paho client that remembers what happened to it."""

    client_id: str
    login: Login
    persistent: bool = False
    said: list[str] = field(default_factory=list)
    """Answers to CONNECT."""
    cuts: int = 0
    granted: list[bool] = field(default_factory=list)
    got: list[tuple[str, bytes]] = field(default_factory=list)
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(CallbackAPIVersion.VERSION2, self.client_id, clean_session=not self.persistent)
        self.client.reconnect_delay_set(1, 1)
        self.client.username_pw_set(self.login.user, self.login.password)
        self.client.on_connect = self._connected
        self.client.on_disconnect = self._cut
        self.client.on_subscribe = self._subscribed
        self.client.on_message = lambda _c, _d, m: self.got.append((m.topic, bytes(m.payload)))

    def ready(self) -> "Speaker":
        """Return when let in."""
        wait_until(lambda: "Success" in self.said, what=f"{self.login.user} let in")
        return self

    def subscribe(self, filter_: str, qos: int = 1) -> bool:
        """Whether it was granted."""
        before = len(self.granted)
        self.client.subscribe(filter_, qos)
        wait_until(lambda: len(self.granted) > before, what="an answer to SUBSCRIBE")
        return self.granted[-1]

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 1, and wait until the broker took it or dropped it."""
        self.client.publish(topic, payload, 1).wait_for_publish(10)

    def _connected(self, _client: Client, _data: object, _flags: Any, code: Any, _more: object) -> None:
        self.said.append(str(code))

    def _cut(self, _client: Client, _data: object, _flags: Any, _code: Any, _more: object) -> None:
        self.cuts += 1

    def _subscribed(self, _client: Client, _data: object, _mid: int, codes: list[Any], _more: object) -> None:
        self.granted.append(not any(code.is_failure for code in codes))


def _python(*arguments: str | Path, **variables: str) -> list[str | Path]:
    return ["env", f"PYTHONPATH={ROOT}", *(f"{k}={v}" for k, v in variables.items()), sys.executable, "-m", *arguments]


@contextmanager
def guarded_nats(folder: Path, max_consumers: int = MAX_CONSUMERS, **variables: str) -> Iterator[GuardedBroker]:
    """A nats-server and `lautern auth-callout`. `variables`: of its environment."""
    program = finding.require(finding.nats_server(), "nats-server", "install requirements/run.lock")
    port, client_port = claim_port(), claim_port()
    logins = ServicePasswords(folder / "broker")
    conf = NatsConf(
        host="127.0.0.1",
        mqtt_port=port,
        client_host="127.0.0.1",
        client_port=client_port,
        store=str(folder / "store"),
        max_store_mb=64,
        sync_always=False,
        root="city/v1",
        passwords={user: logins.password(user) for user in INSIDE},
        issuer=JwtSigner.of(logins.folder).issuer,
        max_consumers=max_consumers,
    )
    path = folder / "nats.conf"
    path.write_text(conf.text())
    log = folder / "nats-server.log"
    command: list[str | Path] = [program, "-c", path, "-l", log]
    place = ("--nats", f"nats://127.0.0.1:{client_port}", "--server-log", log, "--data-dir", folder)
    with (
        _registry(folder) as registry,
        serving(Server("nats-server", command, folder=folder, ready=lambda: answers(port))) as server,
    ):
        keeper = Server(
            "auth_callout",
            _python("runtime.broker.auth_callout_role", *place, **variables),
            folder=folder,
            ready=lambda: True,
        )
        with serving(keeper):
            wait_until(lambda: "auth_callout_open" in keeper.log_tail(), timeout_s=30, what="the auth callout")
            gateway = Login("gateway", logins.password("gateway"))
            url = f"nats://setup:{logins.password('setup')}@127.0.0.1:{client_port}"
            yield GuardedBroker("nats", port, port, gateway, registry, server, keeper, url)


@contextmanager
def guarded_mosquitto(folder: Path) -> Iterator[GuardedBroker]:
    """A mosquitto and `lautern broker sync`."""
    program = finding.require_tool("mosquitto")
    port, inside_port = claim_port(), claim_port()
    logins = ServicePasswords(folder / "broker")
    files = folder / "files"
    files.mkdir()
    pid_file = folder / "pid"
    follow = _python(
        "cli.broker", "sync", "--dir", files, "--data-dir", folder, "--pid-file", pid_file,
        "--inside", f"{inside_port} 127.0.0.1", "--every", "0.5",
        LAUTERN_BROKER__URL=f"mqtt://127.0.0.1:{port}",
    )  # fmt: skip
    with _registry(folder) as registry:
        keeper = Server("sync", follow, folder=folder, ready=(files / "passwords").exists)
        with serving(keeper):
            conf = folder / "mosquitto.conf"
            text = (files / "mosquitto.conf").read_text().replace("/mosquitto/data/", f"{folder}/")
            conf.write_text(f"user root\npid_file {pid_file}\n{text}")
            server = Server("mosquitto", [program, "-c", conf], folder=folder, ready=lambda: answers(port))
            with serving(server):
                gateway = Login("gateway", logins.password("gateway"))
                yield GuardedBroker("mosquitto", port, inside_port, gateway, registry, server, keeper)


DOORS: dict[str, Callable[[Path], Any]] = {"nats": guarded_nats, "mosquitto": guarded_mosquitto}


@contextmanager
def _registry(folder: Path) -> Iterator[Registry]:
    registry = open_registry(f"sqlite:///{folder / 'registry.db'}")
    try:
        yield registry
    finally:
        registry.close()
