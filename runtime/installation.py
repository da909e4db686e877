"""One installation on one machine: its lock, its ports, its broker, and the programs that make it up."""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devices.errors import LauternError
from runtime import file_descriptors, tcp_ports
from runtime.broker.embedded_broker import EmbeddedBroker
from runtime.broker.external_config import tls_of
from runtime.broker.jwt_signer import JwtSigner
from runtime.broker.nats_conf import NatsConf
from runtime.broker.service_passwords import INSIDE, SIMULATORS, ServicePasswords
from runtime.certificates import make_client_files
from runtime.device_listeners import check_broker, check_http
from runtime.exit_codes import LEASE, UNREACHABLE, USAGE
from runtime.forked_process import module_command
from runtime.processes import ChildProgram
from runtime.settings import Settings
from runtime.settings_models import LOOPBACK, local_address

WAITS: Final = {LEASE: 2.0, UNREACHABLE: 8.0}
"""A predecessor may still be ending; a registry that is away comes back some time, and is waited for without end."""
REFUSES: Final = frozenset({USAGE})
"""By this a program says that its settings can never work."""


ROLES: Final = ("runtime.broker.auth_callout_role", "runtime.gateway_role", "runtime.api_role", "runtime.receiver_role")
"""Modules that the supervisor loads once for all processes it begins."""


class AlreadyRunning(LauternError):
    """Lautern already runs on these data."""


@dataclass(frozen=True, slots=True)
class InstallationPorts:
    """Ports that were free when we looked. `mqtt` and `nats` are those of the embedded broker."""

    http: int
    metrics: int
    mqtt: int
    nats: int


@contextmanager
def exclusive_data_dir(data_dir: Path) -> Iterator[None]:
    """Make the data directory and keep it for us inside the block. Raises AlreadyRunning."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data_dir / "lautern.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise AlreadyRunning(f"({data_dir}, process {lock.read().strip() or 'unknown'})") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def choose_ports(
    settings: Settings, say: Callable[[str], None], *, http_fixed: bool = False, mqtt_fixed: bool = False
) -> InstallationPorts:
    """Find free ports; one that the settings name, or that is fixed, is not replaced by another. Raises PortTaken."""
    taken: set[int] = set()

    def choose(what: str, host: str, wanted: int, *, fixed: bool, setting: str = "") -> int:
        port = tcp_ports.choose_port(host, wanted, fixed=fixed, setting=setting, avoid=frozenset(taken))
        taken.add(port)
        if port != wanted:
            say(f"port {wanted} is taken: {what} is on {port}")
        return port

    check_http(settings.http)
    http, gateway, broker = settings.http, settings.gateway, settings.broker
    return InstallationPorts(
        http=choose(
            "the API",
            http.host,
            http.port,
            fixed=http_fixed or "port" in http.model_fields_set,
            setting="http.port",
        ),
        metrics=choose(
            "/metrics of the gateway",
            http.host,
            gateway.metrics_port,
            fixed=bool(gateway.model_fields_set),
            setting="gateway.metrics_port",
        ),
        mqtt=choose(
            "MQTT",
            broker.host,
            broker.port,
            fixed=mqtt_fixed or "url" in broker.model_fields_set,
            setting="broker.url",
        )
        if broker.mode == "embedded"
        else broker.port,
        nats=tcp_ports.choose_any_port(LOOPBACK),
    )


def sign_in_link(address: str, token: str) -> str:
    """What a person opens to use a token."""
    return f"{address}/sign-in#token={token}"


@dataclass(frozen=True, slots=True)
class Installation:
    """Builds what the supervisor runs. `logs`: folder for the programs' output, None for ours."""

    settings: Settings
    ports: InstallationPorts
    config: Path | None = None
    logs: Path | None = None

    def broker(self, *, simulators: bool) -> EmbeddedBroker | None:
        """The embedded broker; None when the settings name another. Raises ConfigurationError."""
        broker = self.settings.broker
        if broker.mode == "external":
            return None
        check_broker(broker)
        users = (*INSIDE, *((SIMULATORS,) if simulators else ()))
        most = file_descriptors.broker_connections(
            broker.max_connections, insisted="max_connections" in broker.model_fields_set
        )
        conf = NatsConf(
            host=broker.host,
            mqtt_port=self.ports.mqtt,
            client_host=LOOPBACK,
            client_port=self.ports.nats,
            store=str(self.broker_dir / "store"),
            max_store_mb=broker.max_store_mb,
            sync_always=broker.sync_always,
            root=self.settings.topic_root,
            passwords={user: self.logins.password(user) for user in users},
            issuer=JwtSigner.of(self.broker_dir).issuer,
            tls=tls_of(self.settings),
            max_connections=most,
        )
        return EmbeddedBroker(conf, self.broker_dir)

    def auth_callout(self, broker: EmbeddedBroker) -> ChildProgram:
        """What lets devices in at the embedded broker."""
        place = ["--nats", f"nats://{LOOPBACK}:{self.ports.nats}", "--server-log", str(broker.log)]
        arguments = module_command("runtime.broker.auth_callout_role", *place, *self.arguments())
        log = self._log("auth_callout")
        return ChildProgram("auth_callout", arguments, self.environment(), log, WAITS, REFUSES, watched=True)

    def gateway(self) -> ChildProgram:
        """The gateway; it starts its receiver itself."""
        arguments = module_command("runtime.gateway_role", *self.arguments())
        return ChildProgram(
            "gateway", arguments, self.environment("gateway"), self._log("gateway"), WAITS, REFUSES, watched=True
        )

    def api(self) -> ChildProgram:
        """The API."""
        arguments = module_command("runtime.api_role", *self.arguments())
        return ChildProgram("api", arguments, self.environment(), self._log("api"), WAITS, REFUSES, watched=True)

    def program(self, name: str, module: str, *arguments: str, once: bool = False) -> ChildProgram:
        """Another program of ours."""
        return ChildProgram(
            name, module_command(module, *arguments), self.environment(), self._log(name), WAITS, once=once
        )

    def arguments(self) -> list[str]:
        """Arguments that every role takes."""
        config = ["--config", str(self.config.absolute())] if self.config else []
        return ["--data-dir", str(self.settings.data_dir), *config]

    def environment(self, user: str | None = None) -> Mapping[str, str]:
        """What differs from the settings file: the ports chosen, and the login of a user of the embedded broker."""
        chosen = {
            "LAUTERN_HTTP__PORT": str(self.ports.http),
            "LAUTERN_GATEWAY__METRICS_PORT": str(self.ports.metrics),
            "PYTHONUNBUFFERED": "1",
        }
        if self.settings.broker.mode == "embedded":
            chosen["LAUTERN_BROKER__URL"] = (
                f"{self.mqtt_scheme}://{tcp_ports.place_of(self.mqtt_host, self.ports.mqtt)}"
            )
            if self.settings.broker.tls_cert_file:
                chosen["LAUTERN_BROKER__PINNED_FILE"] = str(self.settings.broker.tls_cert_file.absolute())
            if user and self.settings.broker.devices_ca_file and self.settings.broker.client_cert_file is None:
                certificate, key = make_client_files(self.settings.data_dir / "tls", user)
                chosen["LAUTERN_BROKER__CLIENT_CERT_FILE"] = str(certificate)
                chosen["LAUTERN_BROKER__CLIENT_KEY_FILE"] = str(key)
            if user:
                chosen["LAUTERN_BROKER__USERNAME"] = user
                chosen["LAUTERN_BROKER__PASSWORD_FILE"] = str(self.logins.password_file(user))
        return chosen

    @property
    def broker_dir(self) -> Path:
        """Folder of the embedded broker: configuration, users, store."""
        return self.settings.data_dir / "broker"

    @property
    def logins(self) -> ServicePasswords:
        """Users of the embedded broker."""
        return ServicePasswords(self.broker_dir)

    @property
    def mqtt_host(self) -> str:
        """Where programs on this machine find the broker."""
        return local_address(self.settings.broker.host)

    @property
    def mqtt_scheme(self) -> str:
        """`mqtts` where the broker has TLS."""
        return "mqtts" if self.settings.broker.tls else "mqtt"

    @property
    def address(self) -> str:
        """The API's address on this machine."""
        return self.settings.http.model_copy(update={"port": self.ports.http}).address

    def _log(self, name: str) -> Path | None:
        return self.logs / f"{name}.log" if self.logs else None
