"""The configuration of nats-server: ours have an allow-list each, and of all others it asks the auth callout."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devices import topics
from runtime.broker import mqtt_sessions
from runtime.broker.mqtt_streams import max_file_mb, probe_subject, stream_subjects
from runtime.broker.subjects import filter_subjects

ACK_WAIT_S = 30
MAX_ACK_PENDING = 8000
"""Of one subscription; the broker refuses what goes beyond 65,535 for a session. A filter that ends in # counts double:
a connector with its own topics and its members' counts eight, and so does the control lane."""
MAX_CONSUMERS = 10_000
"""Each filter that a device subscribes to with QoS ≥ 1 is one, of 92 KB, and two where it ends in #; QoS 0 costs none.
The server's default is 1,000, after which it refuses subscriptions, the gateway's too."""
MAX_PAYLOAD = 1_048_576
"""Four times what we accept, so that a device that says too much ends in the dead letters and is seen."""


Permissions = tuple[list[str], list[str]]
"""Subjects to publish to, and to subscribe to."""
DEVICES: Final = "LAUTERN"
"""Account of the gateway and all devices."""
ASKED_S: Final = 30
"""How long a connect may wait for the auth callout: as thousands take that come back together after a power cut."""
SILENT_S: Final = 10
"""How long a connection may be there without a whole CONNECT; the clock stops when the auth callout is asked."""
MAX_CONNECTIONS: Final = 12_000


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Files of the certificate that devices see, and of the authority that signs theirs, where they must have some."""

    cert_file: Path
    key_file: Path
    devices_ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class NatsConf:
    """What differs from one installation to another."""

    host: str
    mqtt_port: int
    client_host: str
    client_port: int
    """For NATS' own protocol: the auth callout, and setting the bound of the queue."""
    store: str
    max_store_mb: int
    sync_always: bool
    root: str
    passwords: Mapping[str, str]
    """Of the users of ours, and simulators where they may connect."""
    issuer: str
    """Public key of the auth callout."""
    tls: TlsFiles | None = None
    log_file: str | None = None
    """Run apart: where the auth callout reads what devices wanted and may not; without it the console has the log."""
    monitor_port: int | None = None
    """Run apart: for health checks, on loopback."""
    max_consumers: int = MAX_CONSUMERS
    """Filters of QoS ≥ 1 of all sessions; what comes beyond is refused, and told as a fault."""
    max_connections: int = MAX_CONNECTIONS
    """In all, ours among them; what comes beyond is refused."""

    def text(self) -> str:
        """The file's content; holds passwords of ours, and none of devices."""
        sync = "always" if self.sync_always else "1s"
        store = json.dumps(self.store)
        asked_of = ", ".join(f'"{user}"' for user in self.passwords)
        return f"""\
server_name: lautern
listen: "{self.client_host}:{self.client_port}"
max_payload: {MAX_PAYLOAD}
max_connections: {self.max_connections}
{self._apart()}jetstream {{
  store_dir: {store}, max_mem: 64MB, max_file: {max_file_mb(self.max_store_mb)}MB, sync_interval: "{sync}"
  limits {{ default_max_consumers: {self.max_consumers} }}
}}
mqtt {{
  host: "{self.host}", port: {self.mqtt_port}, ack_wait: "{ACK_WAIT_S}s", max_ack_pending: {MAX_ACK_PENDING}
  reject_qos2_publish: true, downgrade_qos2_subscribe: true
  authorization {{ timeout: {SILENT_S} }}
  {self._tls()}
}}
authorization {{
  timeout: {ASKED_S}
  auth_callout {{ issuer: {self.issuer}, account: CALLOUT, auth_users: [{asked_of}] }}
}}
accounts {{
  {DEVICES} {{
    jetstream: enabled
    users: [
{self._users()}
    ]
  }}
  CALLOUT {{ users: [ {{ user: "callout", password: "{self.passwords["callout"]}" }} ] }}
  SYS {{ users: [ {{ user: "system", password: "{self.passwords["system"]}" }} ] }}
}}
system_account: SYS
"""

    def _apart(self) -> str:
        monitor = "" if self.monitor_port is None else f'http: "127.0.0.1:{self.monitor_port}"\n'
        if self.log_file is None:
            return monitor
        return f"{monitor}log_file: {json.dumps(self.log_file)}\nlogfile_size_limit: 20MB\nlogfile_max_num: 2\n"

    def _tls(self) -> str:
        if self.tls is None:
            return ""
        files = {"cert_file": self.tls.cert_file, "key_file": self.tls.key_file}
        verify = ""
        if self.tls.devices_ca_file is not None:
            files["ca_file"] = self.tls.devices_ca_file
            verify = ", verify: true"
        named = ", ".join(f"{name}: {json.dumps(str(path))}" for name, path in files.items())
        return f"tls {{ {named}, timeout: 5{verify} }}"

    def _users(self) -> str:
        everything = filter_subjects(self.root, "#")
        asked = [*stream_subjects(), *mqtt_sessions.session_subjects(), probe_subject(self.root)]
        users = [
            _user("gateway", self.passwords["gateway"], "MQTT", everything, everything),
            _user(
                "setup",
                self.passwords["setup"],
                "STANDARD",
                asked,
                ["_INBOX.>"],
            ),
        ]
        if "simulators" in self.passwords:
            users.append(_user("simulators", self.passwords["simulators"], "MQTT", everything, everything))
        return "\n".join(f"      {user}" for user in users)


def device_permissions(
    user: str, root: str, events: Mapping[str, Iterable[str]], *, connector: bool = False
) -> Permissions:
    """Subjects that the device may publish to and subscribe to. `events`: names by kind; it may say those of its own.

    A name is a subject that something may be retained on: so there are as many as its kind has. A connector may speak
    for others too, below its own topics; for whom, and by which names, only the gateway knows.
    """
    tenant, kind, device = user.split("/")
    base = topics.device_base(tenant, kind, device, root)
    named = [f"event/{name}" for name in events.get(kind, ())]
    up = [s for channel in (*topics.UNNAMED_CHANNELS, *named) for s in filter_subjects(base, channel)]
    own = filter_subjects(base, "config") + filter_subjects(base, "cmd/#")
    if connector:
        members = topics.members_of(base)
        up += [s for channel in (*topics.UNNAMED_CHANNELS, "event/+") for s in filter_subjects(members, channel)]
        own += filter_subjects(members, "config") + filter_subjects(members, "cmd/#")
    return up, own + filter_subjects(root, f"{tenant}/group/+/cmd/#")


def _user(name: str, password: str, connection: str, publish: Sequence[str], subscribe: Sequence[str]) -> str:
    return (
        f'{{ user: "{name}", password: "{password}", allowed_connection_types: ["{connection}"], permissions: {{ '
        f"publish: {_list(publish)}, subscribe: {_list(subscribe)} }} }}"
    )


def _list(items: Iterable[str]) -> str:
    return json.dumps(list(items))
