"""What a node can be told."""

from typing import Annotated, ClassVar

from pydantic import Field

from devices.event_network.enums import BitsPerSecond, ServiceClass
from devices.messages import CommandBody


class SetProfile(CommandBody):
    """Limit one service class at a node to absolute rates, until the next profile.

    No effect with an end: a lost clock or event time must never widen or cut the emergency services' rates by itself.
    What should outlast a restart also stands in the retained configuration.
    """

    NAME: ClassVar[str] = "set_profile"
    SCOPE: ClassVar[str] = "network:profile"

    service_class: ServiceClass
    down_bps: BitsPerSecond
    up_bps: BitsPerSecond
    burst_bytes: Annotated[int, Field(ge=0, le=2**40)] | None = None
