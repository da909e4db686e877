"""The mobile event network: nodes, links, and the events they serve."""

from devices.event_network.commands import SetProfile
from devices.event_network.config import NodeConfig
from devices.event_network.events import EVENTS
from devices.event_network.info import NodeInfo
from devices.event_network.limits import LIMITS
from devices.event_network.privacy import COUNTS_APART, COUNTS_PEOPLE, KEPT, PURPOSE
from devices.event_network.roles import ROLES
from devices.event_network.rules import RULES
from devices.event_network.state import NodeState
from devices.event_network.telemetry import NodeTelemetry
from devices.kind import DeviceKind

KIND = DeviceKind(
    name="event_network",
    title="Event network",
    telemetry=NodeTelemetry,
    state=NodeState,
    info=NodeInfo,
    config=NodeConfig,
    events=EVENTS,
    commands=(SetProfile,),
    rules=RULES,
    limits=LIMITS,
    roles=ROLES,
    lendable=True,
    counts_people=COUNTS_PEOPLE,
    counts_apart=COUNTS_APART,
    names_nobody=True,
    kept=KEPT,
    purpose=PURPOSE,
)
