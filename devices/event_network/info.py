"""Who a node is."""

from typing import Annotated

from pydantic import Field

from devices.event_network.enums import NetworkRole, PartName
from devices.messages import InfoMessage


class NodeInfo(InfoMessage):
    """Role of the node and the measured objects it reports on; retained."""

    role: NetworkRole | None = None
    parts: Annotated[list[PartName], Field(max_length=512)] = []  # noqa: RUF012 - pydantic copies it
    counter_bits: Annotated[int, Field(ge=32, le=64, multiple_of=32)] | None = None
    battery_wh: Annotated[float, Field(ge=0, le=1_000_000)] | None = None
    mast_height_m: Annotated[float, Field(ge=0, le=100)] | None = None
