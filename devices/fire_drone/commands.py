"""What the backend may ask of a drone. It never arms, flies, lands, returns or ends a flight: the remote pilot does."""

from typing import Annotated, ClassVar, Final

from pydantic import Field

from devices.fields import FieldUnit
from devices.messages import CommandBody

COMMAND_SCOPE: Final = "fire_drone:command"


class PilotRequest(CommandBody):
    """What is asked of the pilot's station; nothing waits for a drone that comes back."""

    HEARD_WITHIN_S: ClassVar[float | None] = 15
    DELIVERY_MAX_S: ClassVar[float] = 15


class SetTelemetryRate(PilotRequest):
    """Report at this rate while in flight, until the next start of the drone."""

    NAME: ClassVar[str] = "set_telemetry_rate"
    SCOPE: ClassVar[str] = COMMAND_SCOPE

    rate_hz: Annotated[float, Field(ge=0.2, le=5), FieldUnit("Hz", ("MAVLink MAV_CMD_SET_MESSAGE_INTERVAL",))]


class RequestFullState(PilotRequest):
    """Send info, state and one full sample now."""

    NAME: ClassVar[str] = "request_full_state"
    SCOPE: ClassVar[str] = COMMAND_SCOPE
