"""The fire brigade's drones: heard, recorded, never flown. Their data are for the brigade only."""

from devices.fire_drone.commands import RequestFullState, SetTelemetryRate
from devices.fire_drone.config import DroneConfig
from devices.fire_drone.events import EVENTS
from devices.fire_drone.info import DroneInfo
from devices.fire_drone.roles import ROLES
from devices.fire_drone.rules import battery_critical, battery_low, control_link_lost, telemetry_link_lost
from devices.fire_drone.state import DroneState
from devices.fire_drone.telemetry import DroneTelemetry
from devices.generic_rules import implausible_value, login_refused, quota_exceeded, silence_rule
from devices.kind import DeviceKind, KindLimits, RetentionClass
from devices.messages import EventSeverity

_LIMITS = KindLimits(reporting_interval_s=10, raw_retention_days=400, rollup_retention_days=1100)

KIND = DeviceKind(
    name="fire_drone",
    title="Fire brigade drone",
    telemetry=DroneTelemetry,
    state=DroneState,
    info=DroneInfo,
    config=DroneConfig,
    events=EVENTS,
    commands=(SetTelemetryRate, RequestFullState),
    rules=(
        battery_low,
        battery_critical,
        telemetry_link_lost,
        control_link_lost,
        implausible_value,
        silence_rule(_LIMITS, EventSeverity.WARNING),
        login_refused,
        quota_exceeded,
    ),
    limits=_LIMITS,
    restricted=True,
    kept=(
        RetentionClass(
            "flights",
            3660,
            400,
            7320,
            {
                "de": "Flugbuch der Feuerwehr mit Beteiligten: Nachweis der Flüge und der Einsätze.",
                "en": "The fire brigade's flight book with those involved: proof of flights and of the mission.",
            },
        ),
    ),
    purpose={
        "de": "Flüge der Feuerwehr: Ort, Höhe und Zustand der Drohne; sie zeigen, wo Einsätze waren.",
        "en": "The fire brigade's flights: place, height and state of the drone; they tell where missions took place.",
    },
    roles=ROLES,
)
