"""Who a drone is."""

from typing import Annotated

from devices.fields import FieldUnit, Text
from devices.messages import InfoMessage


class DroneInfo(InfoMessage):
    """Aircraft data that are copied into each flight when it is recorded."""

    registration: Annotated[Text, FieldUnit("", ("MAVLink OPEN_DRONE_ID_OPERATOR_ID", "EU e-ID"))] | None = None
    """Operator registration (e-ID)."""
    remote_id: Annotated[Text, FieldUnit("", ("MAVLink OPEN_DRONE_ID_BASIC_ID", "ASTM F3411 UAS ID"))] | None = None
    autopilot: Annotated[Text, FieldUnit("", ("MAVLink HEARTBEAT.autopilot",))] | None = None
    payload: Annotated[Text, FieldUnit("", ("DJI payloads",))] | None = None
