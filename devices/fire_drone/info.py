"""Who a drone is."""

from typing import Annotated

from devices.fields import Text, Unit
from devices.messages import Info


class DroneInfo(Info):
    """Aircraft data that are copied into each flight when it is recorded."""

    registration: Annotated[Text, Unit("", ("MAVLink OPEN_DRONE_ID_OPERATOR_ID", "EU e-ID"))] | None = None
    """Operator registration (e-ID)."""
    remote_id: Annotated[Text, Unit("", ("MAVLink OPEN_DRONE_ID_BASIC_ID", "ASTM F3411 UAS ID"))] | None = None
    autopilot: Annotated[Text, Unit("", ("MAVLink HEARTBEAT.autopilot",))] | None = None
    payload: Annotated[Text, Unit("", ("DJI payloads",))] | None = None
