"""Words of the event network: classes of service, roles, media, states of an interface."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from devices.errors import ValueRefused
from devices.fields import FieldUnit, Text
from devices.pii_filter import holds_address


class ServiceClass(StrEnum):
    """Who the traffic is for."""

    BOS = "bos"
    """Police, fire brigade, rescue, public order office."""
    CAMERAS = "cameras"
    TRADERS = "traders"
    VISITORS = "visitors"
    ORGANISER = "organiser"
    PRESS = "press"
    SENSORS = "sensors"
    OTHER = "other"


class TrafficDirection(StrEnum):
    """Direction as users see it."""

    DOWN = "down"
    UP = "up"


class OperStatus(StrEnum):
    """State of an interface: ifOperStatus 1 to 7 (RFC 2863), OpenConfig `oper-status`."""

    UP = "UP"
    DOWN = "DOWN"
    TESTING = "TESTING"
    UNKNOWN = "UNKNOWN"
    DORMANT = "DORMANT"
    NOT_PRESENT = "NOT_PRESENT"
    LOWER_LAYER_DOWN = "LOWER_LAYER_DOWN"


class PowerSource(StrEnum):
    """What feeds the node."""

    MAINS = "mains"
    BATTERY = "battery"
    GENERATOR = "generator"
    SOLAR = "solar"
    POE = "poe"


class NetworkRole(StrEnum):
    """Place of a node or link in the network."""

    CORE = "core"
    UPLINK = "uplink"
    BACKBONE = "backbone"
    ACCESS = "access"
    MAST = "mast"


class LinkMedium(StrEnum):
    """What a link is made of."""

    FIBER = "fiber"
    COPPER = "copper"
    RADIO = "radio"
    WIFI = "wifi"
    LTE = "lte"


BitsPerSecond = Annotated[int, Field(ge=0, le=10**13), FieldUnit("bit/s")]
"""Rate, 1 kbit = 1000 bit."""
RateName = Annotated[str, Field(pattern=rf"^({'|'.join(ServiceClass)})_(down|up)_bps$")]
"""Names one rate of a bandwidth profile: `visitors_down_bps`."""
Profile = Annotated[dict[RateName, BitsPerSecond], Field(max_length=2 * len(ServiceClass))]
"""Bandwidth profile: rate by `{service_class}_{down|up}_bps`; a class that is absent is not limited."""


def _no_address(text: str) -> str:
    if holds_address(text):
        raise ValueRefused("event_network.names_a_device")
    return text


NamelessText = Annotated[Text, AfterValidator(_no_address)]
"""Text without MAC and IP addresses: people's devices are counted, never named."""
PartName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{0,64}$"), AfterValidator(_no_address)]
"""Name of a measured object at its node, such as `uplink`, `vlan:20`, `ssid:visitors`; empty for the node itself."""
