"""What happens at a drone; each name is a topic `event/{name}` and a stored series."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field

from devices.fields import FieldUnit, Figure, Percent, Text
from devices.fire_drone.telemetry import Latitude, Longitude
from devices.messages import EventMessage, Id


class DroneEvent(EventMessage):
    """Something happened, where and at which value."""

    event_id: Id | None = None
    severity_level: (
        Annotated[int, Field(ge=0, le=7), FieldUnit("", ("MAVLink STATUSTEXT.severity", "RFC 5424"))] | None
    ) = None
    code: Annotated[Text, FieldUnit("", ("DJI HMS code",))] | None = None
    value: Figure | None = None
    threshold: Figure | None = None
    lat: Annotated[Latitude, FieldUnit("°")] | None = None
    lon: Annotated[Longitude, FieldUnit("°")] | None = None
    altitude_rel_m: Annotated[float, Field(ge=-9000, le=9000), FieldUnit("m")] | None = None


class ModeChanged(DroneEvent):
    """The flight mode changed, and why."""

    mode: Annotated[Text, FieldUnit("", ("MAVLink HEARTBEAT.custom_mode", "DJI mode_code"))] | None = None
    previous_mode: Text | None = None
    mode_reason: Annotated[Text, FieldUnit("", ("DJI mode_code_reason",))] | None = None


class BatteryEvent(DroneEvent):
    """The charge crossed a threshold of the drone's own."""

    battery_pct: Annotated[Percent, FieldUnit("%", ("MAVLink BATTERY_STATUS.charge_state",))] | None = None
    battery_serial: Text | None = None


class GeozoneEvent(DroneEvent):
    """A zone was entered or left."""

    geozone: Annotated[Text, FieldUnit("", ("MAVLink FENCE_STATUS.breach_type", "DJI is_near_area_limit"))] | None = (
        None
    )


EVENTS: Final[Mapping[str, type[EventMessage]]] = MappingProxyType(
    {
        "arm": DroneEvent,
        "disarm": DroneEvent,
        "takeoff": DroneEvent,
        "landing": DroneEvent,
        "mode_change": ModeChanged,
        "rth_started": ModeChanged,
        "rth_ended": ModeChanged,
        "battery_low": BatteryEvent,
        "battery_critical": BatteryEvent,
        "control_link_lost": DroneEvent,
        "control_link_restored": DroneEvent,
        "geozone_enter": GeozoneEvent,
        "geozone_leave": GeozoneEvent,
        "height_limit": DroneEvent,
        "gnss_lost": DroneEvent,
        "gnss_regained": DroneEvent,
        "health": DroneEvent,
        "crash_suspected": DroneEvent,
    }
)
