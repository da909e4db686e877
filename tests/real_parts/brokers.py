"""What tests need to know of an MQTT broker, whichever it is."""

import secrets
from dataclasses import dataclass

from tests.real_parts.servers import Server


@dataclass(frozen=True)
class Login:
    """A broker's user with its password."""

    user: str
    password: str


@dataclass(frozen=True, kw_only=True)
class Broker:
    """A running broker on loopback. Both logins may use every topic below city/v1 and below test.

    State outlives a test: use topics and client ids of your own (fixture `unique_id`).
    """

    name: str
    host: str
    port: int
    gateway: Login
    device: Login
    server: Server

    def kill(self) -> None:
        """End it as a power cut would; `start` brings it back on the same port and data."""
        self.server.kill()

    def stop(self) -> None:
        """End it in good order; `start` brings it back on the same port and data."""
        self.server.stop()

    def start(self) -> None:
        """Start it; returns when it accepts connections."""
        self.server.start()


@dataclass(frozen=True, kw_only=True)
class NatsBroker(Broker):
    """nats-server, which also speaks its own protocol on `client_port`."""

    client_port: int
    setup: Login
    admin: Login

    def client_url(self, login: Login) -> str:
        """The address for nats-py: `setup` may bound the MQTT stream, `admin` may do everything."""
        return f"nats://{login.user}:{login.password}@{self.host}:{self.client_port}"


def new_login(user: str) -> Login:
    """A login with a random password."""
    return Login(user, secrets.token_hex(16))
