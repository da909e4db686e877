"""What happens at a node."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AwareDatetime, Field

from devices.event_network.enums import BitsPerSecond, NamelessText, OperStatus, PartName, PowerSource, TrafficDirection
from devices.event_network.telemetry import Millis
from devices.fields import FieldUnit, Percent
from devices.messages import EventMessage, Id


class TestMethod(StrEnum):
    """How a capacity was found out."""

    __test__ = False  # pytest would take it for a test

    RFC9097_UDP = "rfc9097_udp"
    Y1564 = "y1564"
    IPERF3_TCP = "iperf3_tcp"
    IPERF3_UDP = "iperf3_udp"


class NodeEvent(EventMessage):
    """Something at one measured object; without addresses in its text."""

    measured_part: PartName = ""
    text: NamelessText | None = None


class CapacityTest(NodeEvent):
    """Result of a capacity test of one direction; before opening, nightly, on demand; one at a time per node."""

    method: TestMethod
    direction: TrafficDirection
    duration_s: Annotated[float, Field(gt=0, le=86_400), FieldUnit("s")]
    result_bps: Annotated[BitsPerSecond, FieldUnit("bit/s", ("RFC 9097 maximum IP-layer capacity", "Y.1564 CIR"))]
    loss_pct: Percent | None = None
    rtt_ms: Millis | None = None
    jitter_ms: Millis | None = None
    retransmits: Annotated[int, Field(ge=0, le=2**53)] | None = None
    server_id: Id | None = None
    started_at: AwareDatetime | None = None


class LinkChange(NodeEvent):
    """An interface changed its operational state."""

    oper_status: OperStatus
    previous_status: OperStatus | None = None


class PowerChange(NodeEvent):
    """The node is fed from something else."""

    power_source: PowerSource
    battery_pct: Percent | None = None


class Enclosure(NodeEvent):
    """Somebody opened or closed the case."""

    open: bool


EVENTS: Final[Mapping[str, type[EventMessage]]] = {
    "capacity_test": CapacityTest,
    "link_change": LinkChange,
    "power_change": PowerChange,
    "enclosure": Enclosure,
}
