"""A configuration that makes mosquitto 2 safe for us; its defaults drop after 1,000 queued messages."""

MESSAGE_BYTES = 1024
"""A generous mean of what a queued message takes."""
LARGEST_BYTES = 1_048_576


def text(*, outage_s: float, rate_per_s: float) -> str:
    """Content of mosquitto.conf; the queue holds what `rate_per_s` brings in `outage_s`, half as much again."""
    queued_bytes = round(outage_s * rate_per_s * 1.5 * MESSAGE_BYTES)
    return f"""\
# mosquitto 2.0 for Lautern. A mosquitto that is killed may lose what it acknowledged within the last seconds, and when
# max_queued_bytes is reached it acknowledges and drops: use nats-server where that matters.
listener 1883
allow_anonymous false
password_file /mosquitto/config/passwords
acl_file /mosquitto/config/acl
persistence true
persistence_location /mosquitto/data/
autosave_on_changes true
autosave_interval 100
max_inflight_messages 0
max_queued_messages 0
# {outage_s / 3600:g} h at {rate_per_s:g} messages/s, half as much again
max_queued_bytes {queued_bytes}
message_size_limit {LARGEST_BYTES}
max_keepalive 3600
persistent_client_expiration 14d
log_dest stdout
connection_messages false
"""


def acl(root: str) -> str:
    """Content of the ACL file: the user name of a device is tenant/kind/device, so one pattern serves all."""
    up = "".join(f"pattern write {root}/%u/{channel}\n" for channel in _CHANNELS)
    return f"""\
# --- acl: the gateway, and every device by its user name tenant/kind/device
user gateway
topic readwrite {root}/#

{up}pattern read {root}/%u/config
pattern read {root}/%u/cmd/#
# A group command is readable by every device that has a login.
pattern read {root}/+/group/+/cmd/#
"""


_CHANNELS = ("status", "info", "state", "telemetry", "event/+", "ack")
