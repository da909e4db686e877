"""A real nats-server for a test run: MQTT, sessions and retained messages on disk, users with allow-lists."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.broker.nats_conf import ACK_WAIT_S, MAX_ACK_PENDING, MAX_PAYLOAD
from tests.real_parts import finding, ports
from tests.real_parts.brokers import Login, NatsBroker, new_login
from tests.real_parts.servers import Server, serving

TOPICS = '["city.v1", "city.v1.>", "test", "test.>"]'
CONFIGURATION = """\
server_name: lautern_test
listen: "127.0.0.1:{client_port}"
max_payload: {max_payload}
jetstream {{ store_dir: "{folder}/jetstream", max_mem: 64MB, max_file: 1GB, sync_interval: "1s" }}
mqtt {{ host: "127.0.0.1", port: {port}, ack_wait: "{ack_wait_s}s", max_ack_pending: {max_ack_pending} }}
accounts {{
  LAUTERN {{
    jetstream: enabled
    users: [
      {{ {gateway}, allowed_connection_types: ["MQTT"], permissions: {{ publish: {topics}, subscribe: {topics} }} }}
      {{ {device}, allowed_connection_types: ["MQTT"], permissions: {{ publish: {topics}, subscribe: {topics} }} }}
      {{ {setup}, allowed_connection_types: ["STANDARD"], permissions: {{
          publish: ["$JS.API.STREAM.INFO.$MQTT_msgs", "$JS.API.STREAM.UPDATE.$MQTT_msgs"], subscribe: ["_INBOX.>"] }} }}
      {{ {admin}, allowed_connection_types: ["STANDARD"] }}
    ]
  }}
  SYS {{ users: [ {{ {system} }} ] }}
}}
system_account: SYS
"""


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsBroker]:
    """A running nats-server, with the bounds of the program's own."""
    program = finding.require(finding.nats_server(), "nats-server", "install requirements/run.lock")
    folder = tmp_path_factory.mktemp("nats")
    port, client_port = ports.claim_port(), ports.claim_port()
    users = {name: new_login(name) for name in ("gateway", "device", "setup", "admin", "system")}
    configuration = _write_configuration(folder, port, client_port, users)
    with serving(
        Server("nats-server", [program, "-c", configuration], folder=folder, ready=lambda: ports.answers(port))
    ) as server:
        yield NatsBroker(
            name="nats",
            host="127.0.0.1",
            port=port,
            client_port=client_port,
            gateway=users["gateway"],
            device=users["device"],
            setup=users["setup"],
            admin=users["admin"],
            server=server,
        )


def _write_configuration(folder: Path, port: int, client_port: int, users: dict[str, Login]) -> Path:
    logins = {name: f'user: "{login.user}", password: "{login.password}"' for name, login in users.items()}
    path = folder / "nats.conf"
    path.touch(mode=0o600)
    ours = {"max_payload": MAX_PAYLOAD, "ack_wait_s": ACK_WAIT_S, "max_ack_pending": MAX_ACK_PENDING}
    ports_of_it = {"port": port, "client_port": client_port}
    path.write_text(CONFIGURATION.format(folder=folder, topics=TOPICS, **ours, **ports_of_it, **logins))
    return path
