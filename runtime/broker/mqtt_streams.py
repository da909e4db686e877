"""What a nats-server keeps for MQTT, and how much of it: a stream each, whose bound is reached before the disk's."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from runtime.broker.subjects import filter_subjects

MIB: Final = 2**20
QUEUE: Final = "$MQTT_msgs"
"""What waits for sessions."""
RETAINED: Final = "$MQTT_rmsgs"
LARGEST_RETAINED: Final = 2**18
"""Bytes of one retained message: what we accept, and so what a `config` may have."""
LARGEST_SESSION: Final = 2**16
"""Bytes of one session: its filters are in it."""
_RETAINED_PREFIX: Final = "$MQTT.rmsgs."
_NEVER_RETAINED: Final = ("telemetry", "ack", "event/#", "cmd/#")


@dataclass(frozen=True, slots=True)
class StreamBound:
    """Of one stream, in bytes; `largest` of one message."""

    max_bytes: int
    largest: int = -1


BESIDE: Final[Mapping[str, StreamBound]] = {
    RETAINED: StreamBound(256 * MIB, LARGEST_RETAINED),
    "$MQTT_sess": StreamBound(128 * MIB, LARGEST_SESSION),
    "$MQTT_qos2in": StreamBound(8 * MIB),
    "$MQTT_out": StreamBound(8 * MIB),
}
"""Beside the queue. The last two stay empty, as QoS 2 is refused; a server set up before may have something there."""


def stream_bounds(queue_bytes: int) -> Mapping[str, StreamBound]:
    """Bounds of all streams."""
    return {QUEUE: StreamBound(queue_bytes), **BESIDE}


def max_file_mb(queue_mb: int) -> int:
    """Disk of all streams together: so much that each reaches its own bound first.

    As the bound that is reached it would refuse every CONNECT, the gateway's too, also after a restart.
    """
    return 2 * queue_mb + 256 + sum(bound.max_bytes for bound in BESIDE.values()) // MIB


def probe_subject(root: str) -> str:
    """Subject of the queue by which it is tried (`broker_probe.py`); nobody subscribes to it, so nothing is kept."""
    return f"$MQTT.msgs.{root.replace('/', '.')}.probe"


def stream_subjects() -> list[str]:
    """Subjects that the user `setup` needs to ask."""
    asked = [f"$JS.API.STREAM.{verb}.{stream}" for stream in (QUEUE, *BESIDE) for verb in ("INFO", "UPDATE")]
    return [*asked, f"$JS.API.STREAM.PURGE.{RETAINED}"]


def never_retained(root: str) -> Iterator[str]:
    """Subjects of retained messages that nobody needs, of devices, a connector's members, and groups."""
    for base in (f"{root}/+/+/+", f"{root}/+/+/+/member/+/+"):
        for channel in _NEVER_RETAINED:
            yield from (_RETAINED_PREFIX + subject for subject in filter_subjects(base, channel))
