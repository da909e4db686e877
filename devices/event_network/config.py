"""What a node should do, retained."""

from typing import Annotated

from pydantic import Field

from devices.event_network.enums import Profile
from devices.fields import Version
from devices.messages import ConfigMessage


class NodeConfig(ConfigMessage):
    """Bandwidth profile to return to after a restart; `burst_s`: report each second for so long after receipt."""

    profile: Profile | None = None
    profile_version: Version | None = None
    burst_s: Annotated[float, Field(ge=0, le=3600)] | None = None
