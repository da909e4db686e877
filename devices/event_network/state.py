"""What a node is set to: the bandwidth profile in force and where it came from."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from devices.event_network.enums import Profile
from devices.fields import Version
from devices.messages import StateMessage


class NodeState(StateMessage):
    """Bandwidth profile in force; retained. What stands here counts as provisioned, what was asked for does not."""

    applied: Profile | None = None
    applied_version: Version | None = None
    applied_at: AwareDatetime | None = None
    profile_result: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")] | None = None


def applied_profile(values: Mapping[str, Any]) -> dict[str, int]:
    """Rates in force by `{class}_{direction}_bps` out of the newest state's flat values."""
    return {
        name.removeprefix("applied_"): value
        for name, value in values.items()
        if name.startswith("applied_") and name.endswith("_bps")
    }
