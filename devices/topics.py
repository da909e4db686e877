"""The topic grammar, version 1, in both directions: `{root}/{tenant}/{kind}/{device_id}/{channel}[/{name}]`."""

import re
from dataclasses import dataclass
from typing import Final

ROOT: Final = "city/v1"
UNNAMED_CHANNELS: Final = ("status", "info", "state", "telemetry", "ack")
CHANNELS: Final = frozenset({*UNNAMED_CHANNELS, "event"})
CONTROL_CHANNELS: Final = ("status", "info", "state", "ack")
"""Channels on the session and journal lane of their own."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Uplink:
    """Where a device's message came from; `name` is the event's name, else empty."""

    tenant_id: str
    kind: str
    device_id: str
    channel: str
    name: str = ""


def is_id(text: str) -> bool:
    """Tell whether `text` may stand in a topic as tenant, device, group or event name."""
    return _ID.fullmatch(text) is not None


def parse_uplink(topic: str, root: str = ROOT) -> Uplink | None:
    """Parse a device's topic; None when it is not of the grammar."""
    if not topic.startswith(root + "/"):
        return None
    levels = topic[len(root) + 1 :].split("/")
    if len(levels) == 4 and levels[3] in CHANNELS and levels[3] != "event":
        tenant, kind, device, channel, name = *levels, ""
    elif len(levels) == 5 and levels[3] == "event":
        tenant, kind, device, channel, name = levels
    else:
        return None
    if not all(map(is_id, (tenant, kind, device))) or (channel == "event" and not is_id(name)):
        return None
    return Uplink(tenant, kind, device, channel, name)


def uplink(source: Uplink, root: str = ROOT) -> str:
    """Format the topic that `parse_uplink` reads."""
    tail = f"/{source.name}" if source.name else ""
    return f"{root}/{source.tenant_id}/{source.kind}/{source.device_id}/{source.channel}{tail}"


def device_base(tenant_id: str, kind: str, device_id: str, root: str = ROOT) -> str:
    """Topic prefix of one device, without trailing slash."""
    return f"{root}/{tenant_id}/{kind}/{device_id}"


def command(tenant_id: str, kind: str, device_id: str, name: str, root: str = ROOT) -> str:
    """Topic of one device's command `name` (or `cancel`)."""
    return f"{root}/{tenant_id}/{kind}/{device_id}/cmd/{name}"


def config(tenant_id: str, kind: str, device_id: str, root: str = ROOT) -> str:
    """Topic of one device's retained configuration."""
    return f"{root}/{tenant_id}/{kind}/{device_id}/config"


def group_command(tenant_id: str, group_id: str, name: str, root: str = ROOT) -> str:
    """Topic of a command for all members of a group."""
    return f"{root}/{tenant_id}/group/{group_id}/cmd/{name}"


def subscriptions(channels: tuple[str, ...], root: str = ROOT) -> tuple[str, ...]:
    """Filters that receive the given channels of all devices."""
    return tuple(f"{root}/+/+/+/{c}/+" if c == "event" else f"{root}/+/+/+/{c}" for c in channels)
