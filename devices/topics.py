"""The topic grammar, version 1, in both directions: `{root}/{tenant}/{kind}/{device_id}/{channel}[/{name}]`.

A connector says `…/{connector_id}/member/{kind}/{device_id}/{channel}[/{name}]` for another device of its town.
"""

import re
from dataclasses import dataclass
from typing import Final

ROOT: Final = "city/v1"
UNNAMED_CHANNELS: Final = ("status", "info", "state", "telemetry", "ack")
CHANNELS: Final = frozenset({*UNNAMED_CHANNELS, "event"})
CONTROL_CHANNELS: Final = ("status", "info", "state", "ack")
"""Channels on the session and journal lane of their own."""
MEMBER: Final = "member"
"""Level below a connector's own topics where those of the devices begin that it speaks for."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class UplinkTopic:
    """Where a device's message came from; `name` is the event's name, else empty.

    `connector_kind`, `connector_id`: on whose topics it was said; empty where the device spoke for itself.
    """

    tenant_id: str
    kind: str
    device_id: str
    channel: str
    name: str = ""
    connector_kind: str = ""
    connector_id: str = ""


def is_id(text: str) -> bool:
    """Tell whether `text` may stand in a topic as tenant, device, group or event name."""
    return _ID.fullmatch(text) is not None


def parse_uplink(topic: str, root: str = ROOT) -> UplinkTopic | None:
    """Parse a device's topic; None when it is not of the grammar."""
    if not topic.startswith(root + "/"):
        return None
    levels = topic[len(root) + 1 :].split("/")
    connector = ("", "")
    if len(levels) > 5 and levels[3] == MEMBER:
        connector = (levels[1], levels[2])
        levels = [levels[0], *levels[4:]]
        if not all(map(is_id, connector)):
            return None
    if len(levels) == 4 and levels[3] in CHANNELS and levels[3] != "event":
        tenant, kind, device, channel, name = *levels, ""
    elif len(levels) == 5 and levels[3] == "event":
        tenant, kind, device, channel, name = levels
    else:
        return None
    if not all(map(is_id, (tenant, kind, device))) or (channel == "event" and not is_id(name)):
        return None
    return UplinkTopic(tenant, kind, device, channel, name, *connector)


def uplink_topic(source: UplinkTopic, root: str = ROOT) -> str:
    """Format the topic that `parse_uplink` reads."""
    tail = f"/{source.name}" if source.name else ""
    base = device_base(source.tenant_id, source.kind, source.device_id, root)
    if source.connector_id:
        connector = device_base(source.tenant_id, source.connector_kind, source.connector_id, root)
        base = member_base(connector, source.kind, source.device_id)
    return f"{base}/{source.channel}{tail}"


def device_base(tenant_id: str, kind: str, device_id: str, root: str = ROOT) -> str:
    """Topic prefix of one device, without trailing slash."""
    return f"{root}/{tenant_id}/{kind}/{device_id}"


def members_of(base: str) -> str:
    """Filter of the prefixes of all devices that the one with this prefix could speak for."""
    return f"{base}/{MEMBER}/+/+"


def member_base(connector_base: str, kind: str, device_id: str) -> str:
    """Topic prefix of a device as its connector uses it."""
    return f"{connector_base}/{MEMBER}/{kind}/{device_id}"


def command_topic(base: str, name: str) -> str:
    """Topic of a command `name` (or `cancel`) to the device with this prefix."""
    return f"{base}/cmd/{name}"


def config_topic(base: str) -> str:
    """Topic of the retained configuration of the device with this prefix."""
    return f"{base}/config"


def group_command(tenant_id: str, group_id: str, name: str, root: str = ROOT) -> str:
    """Topic of a command for all members of a group."""
    return f"{root}/{tenant_id}/group/{group_id}/cmd/{name}"


def uplink_filters(channels: tuple[str, ...], root: str = ROOT) -> tuple[str, ...]:
    """Filters that receive the given channels of all devices, also of those that another speaks for."""
    tails = [f"{channel}/+" if channel == "event" else channel for channel in channels]
    return tuple(f"{base}/{tail}" for base in (f"{root}/+/+/+", f"{root}/+/+/+/{MEMBER}/+/+") for tail in tails)
