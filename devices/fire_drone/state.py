"""What a drone is set to."""

from typing import Annotated

from pydantic import Field

from devices.fields import FieldUnit, Percent, Text
from devices.messages import StateMessage


class DroneState(StateMessage):
    """Settings as the drone holds them; sent at start and whenever one changes."""

    telemetry_rate_hz: (
        Annotated[float, Field(gt=0, le=10), FieldUnit("Hz", ("MAVLink SET_MESSAGE_INTERVAL",))] | None
    ) = None
    """Rate in flight."""
    control_source: Annotated[Text, FieldUnit("", ("DJI control_source",))] | None = None
    rth_altitude_m: (
        Annotated[float, Field(ge=0, le=1500), FieldUnit("m", ("DJI rth_altitude", "ArduPilot RTL_ALT"))] | None
    ) = None
    link_lost_action: Annotated[Text, FieldUnit("", ("DJI rc_lost_action", "PX4 NAV_RCL_ACT"))] | None = None
    height_limit_m: Annotated[float, Field(ge=0, le=9000), FieldUnit("m", ("DJI height_limit",))] | None = None
    distance_limit_m: (
        Annotated[float, Field(ge=0, le=100_000), FieldUnit("m", ("DJI distance_limit_status",))] | None
    ) = None
    battery_low_pct: (
        Annotated[Percent, FieldUnit("%", ("DJI low battery threshold", "ArduPilot BATT_LOW_MAH"))] | None
    ) = None
    battery_critical_pct: (
        Annotated[Percent, FieldUnit("%", ("DJI serious-low battery threshold", "ArduPilot BATT_CRT_MAH"))] | None
    ) = None
