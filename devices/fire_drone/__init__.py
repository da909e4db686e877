"""The fire brigade's drones: heard, recorded, never flown. Their data are for the brigade only."""

from devices.fire_drone.commands import RequestFullState, SetTelemetryRate
from devices.fire_drone.config import DroneConfig
from devices.fire_drone.events import EVENTS
from devices.fire_drone.info import DroneInfo
from devices.fire_drone.limits import LIMITS
from devices.fire_drone.privacy import KEPT, PURPOSE
from devices.fire_drone.roles import ROLES
from devices.fire_drone.rules import RULES
from devices.fire_drone.state import DroneState
from devices.fire_drone.telemetry import DroneTelemetry
from devices.kind import DeviceKind

KIND = DeviceKind(
    name="fire_drone",
    title="Fire brigade drone",
    telemetry=DroneTelemetry,
    state=DroneState,
    info=DroneInfo,
    config=DroneConfig,
    events=EVENTS,
    commands=(SetTelemetryRate, RequestFullState),
    rules=RULES,
    limits=LIMITS,
    restricted=True,
    kept=KEPT,
    purpose=PURPOSE,
    roles=ROLES,
)
