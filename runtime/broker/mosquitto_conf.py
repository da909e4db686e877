"""A configuration that makes mosquitto 2 safe for us; its defaults drop after 1,000 queued messages."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devices.topics import UNNAMED_CHANNELS, members_of
from runtime.broker.nats_conf import MAX_CONNECTIONS, TlsFiles

MESSAGE_BYTES: Final = 1024
"""A generous mean of what a queued message takes."""
LARGEST_BYTES: Final = 1_048_576
FILE: Final = "mosquitto.conf"
PASSWORDS, ACL = "passwords", "acl"
"""Of devices."""
INSIDE_PASSWORDS, INSIDE_ACL = "passwords-inside", "acl-inside"
"""Of the gateway and the simulators."""


@dataclass(frozen=True, slots=True)
class MosquittoConf:
    """What differs from one installation to another. `folder`: where mosquitto finds the files of `files`."""

    folder: Path
    outage_s: float
    rate_per_s: float
    root: str
    events: tuple[str, ...]
    """Names of the events of all kinds."""
    port: int = 1883
    inside: str = "1884 127.0.0.1"
    """Port and address of the gateway's listener; nobody outside should reach it."""
    store: str = "/mosquitto/data/"
    tls: TlsFiles | None = None
    max_connections: int = MAX_CONNECTIONS
    """Of devices; the gateway's listener has its own."""

    def text(self) -> str:
        """Content of mosquitto.conf; the queue holds what `rate_per_s` brings in `outage_s`, half as much again."""
        queued_bytes = round(self.outage_s * self.rate_per_s * 1.5 * MESSAGE_BYTES)
        return f"""\
# mosquitto 2.0 for Lautern. A mosquitto that is killed may lose what it acknowledged within the last seconds, and when
# max_queued_bytes is reached it acknowledges and drops: use nats-server where that matters.
per_listener_settings true
persistence true
persistence_location {self.store}
autosave_on_changes true
autosave_interval 100
max_inflight_messages 0
max_queued_messages 0
# {self.outage_s / 3600:g} h at {self.rate_per_s:g} messages/s, half as much again
max_queued_bytes {queued_bytes}
message_size_limit {LARGEST_BYTES}
max_keepalive 3600
persistent_client_expiration 14d
log_dest stdout
connection_messages true

# Devices. Whatever client id one brings, its session bears its user name: nobody can take another's.
listener {self.port}
max_connections {self.max_connections}
allow_anonymous false
password_file {self.folder / PASSWORDS}
acl_file {self.folder / ACL}
use_username_as_clientid true
max_qos 1
{self._tls()}
# The gateway and, where they may connect, the simulators.
listener {self.inside}
allow_anonymous false
password_file {self.folder / INSIDE_PASSWORDS}
acl_file {self.folder / INSIDE_ACL}
"""

    def _tls(self) -> str:
        if self.tls is None:
            return ""
        text = f"certfile {self.tls.cert_file}\nkeyfile {self.tls.key_file}\ntls_version tlsv1.2\n"
        if self.tls.devices_ca_file is None:
            return text
        # Beside the password, which is what can be revoked here.
        return f"{text}cafile {self.tls.devices_ca_file}\nrequire_certificate true\n"

    def acl(self, connectors: Iterable[str] = ()) -> str:
        """Content of the devices' ACL file: a user name is tenant/kind/device, so one pattern serves all.

        `connectors`: users that may speak for others too, below their own topics.
        """
        channels = (*UNNAMED_CHANNELS, *(f"event/{name}" for name in self.events))
        up = "".join(f"pattern write {self.root}/%u/{channel}\n" for channel in channels)
        return f"""\
# A device writes its own topics and reads its own configuration and commands. mosquitto cannot cut the kind out of the
# user name: the events of all kinds are named, and the gateway refuses those of another. What is not named ends the
# connection; with a + for the name a device could have messages retained without end.
{up}pattern read {self.root}/%u/config
pattern read {self.root}/%u/cmd/#
# mosquitto cannot cut the tenant out of the user name: group commands are readable by every device that has a login.
pattern read {self.root}/+/group/+/cmd/#
{"".join(map(self._connector, sorted(connectors)))}"""

    def _connector(self, user: str) -> str:
        base = members_of(f"{self.root}/{user}")
        up = "".join(f"topic write {base}/{channel}\n" for channel in (*UNNAMED_CHANNELS, "event/+"))
        return f"\nuser {user}\n{up}topic read {base}/config\ntopic read {base}/cmd/#\n"

    def inside_acl(self) -> str:
        """Content of the ACL file for users of ours."""
        return "".join(f"user {user}\ntopic readwrite {self.root}/#\n\n" for user in ("gateway", "simulators"))
