"""The configuration of nats-server: every user has an allow-list, ours too."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from devices import topics

ACK_WAIT_S = 30
MAX_ACK_PENDING = 10_000
"""Of one subscription; the broker refuses what goes beyond 65,535 for a session. A filter that ends in # counts double:
a device with `config`, its commands and those of its groups counts five, the control lane four."""
MAX_PAYLOAD = 1_048_576
"""Four times what we accept, so that a device that says too much ends in the dead letters and is seen."""


@dataclass(frozen=True, slots=True)
class NatsConf:
    """What differs from one installation to another."""

    host: str
    mqtt_port: int
    client_port: int
    """For NATS' own protocol, on loopback, to set the bound of the queue."""
    store: str
    max_store_mb: int
    sync_always: bool
    root: str
    passwords: Mapping[str, str]
    """Of the users gateway, setup, system, and simulators where they may connect."""
    devices: Mapping[str, str]
    """Passwords of devices by user name tenant/kind/device."""

    def text(self) -> str:
        """The file's content; holds passwords."""
        sync = "always" if self.sync_always else "1s"
        # The stream's own bound must be reached first: max_file as the bound would refuse every CONNECT.
        max_file_mb = 2 * self.max_store_mb + 256
        store = json.dumps(self.store)
        return f"""\
server_name: lautern
listen: "127.0.0.1:{self.client_port}"
max_payload: {MAX_PAYLOAD}
jetstream {{ store_dir: {store}, max_mem: 64MB, max_file: {max_file_mb}MB, sync_interval: "{sync}" }}
mqtt {{ host: "{self.host}", port: {self.mqtt_port}, ack_wait: "{ACK_WAIT_S}s", max_ack_pending: {MAX_ACK_PENDING} }}
accounts {{
  LAUTERN {{
    jetstream: enabled
    users: [
{self._users()}
    ]
  }}
  SYS {{ users: [ {{ user: "system", password: "{self.passwords["system"]}" }} ] }}
}}
system_account: SYS
"""

    def _users(self) -> str:
        everything = subjects(self.root, "#")
        streams = [f"$JS.API.STREAM.{verb}.$MQTT_msgs" for verb in ("INFO", "UPDATE")]
        users = [
            _user("gateway", self.passwords["gateway"], "MQTT", everything, everything),
            _user("setup", self.passwords["setup"], "STANDARD", streams, ["_INBOX.>"]),
        ]
        if "simulators" in self.passwords:
            users.append(_user("simulators", self.passwords["simulators"], "MQTT", everything, everything))
        for name, password in sorted(self.devices.items()):
            users.append(_user(name, password, "MQTT", *device_permissions(name, self.root)))
        return "\n".join(f"      {user}" for user in users)


def device_permissions(user: str, root: str) -> tuple[list[str], list[str]]:
    """Subjects that the device may publish to and subscribe to."""
    tenant, kind, device = user.split("/")
    base = topics.device_base(tenant, kind, device, root)
    up = [s for channel in ("status", "info", "state", "telemetry", "event/+", "ack") for s in subjects(base, channel)]
    own = subjects(base, "config") + subjects(base, "cmd/#")
    return up, own + subjects(root, f"{tenant}/group/+/cmd/#")


def subjects(base: str, tail: str) -> list[str]:
    """NATS subjects of an MQTT filter; `x/#` matches `x` too and needs two."""
    subject = f"{base}/{tail}".replace("/", ".").replace("+", "*")
    return [subject.removesuffix(".#"), subject.removesuffix("#") + ">"] if tail.endswith("#") else [subject]


def _user(name: str, password: str, connection: str, publish: Sequence[str], subscribe: Sequence[str]) -> str:
    return (
        f'{{ user: "{name}", password: "{password}", allowed_connection_types: ["{connection}"], permissions: {{ '
        f"publish: {_list(publish)}, subscribe: {_list(subscribe)} }} }}"
    )


def _list(items: Iterable[str]) -> str:
    return json.dumps(list(items))
