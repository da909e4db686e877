"""What a lamp is set to and why."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from devices.fields import Percent, Text, Unit
from devices.messages import State, WireModel
from devices.streetlight.light import Reason


class CommandInForce(WireModel):
    """The level in force, why, by whose word and until when (TALQ feedbackLightCommand)."""

    level_pct: Annotated[Percent, Unit("%", ("TALQ feedbackLightCommand.state", "uCIFI 3416/2"))]
    reason: Annotated[Reason, Unit("", ("TALQ reason",))]
    ref: Annotated[Text, Unit("", ("TALQ cmsRefId, refAddress",))] | None = None
    """Id of the command, program or sensor that asked for it."""
    until: Annotated[AwareDatetime, Unit("", ("TALQ expiration", "uCIFI 3416/51"))] | None = None
    """When it ends by itself; absent for what has no end, such as a program."""


class LampState(State):
    """Published retained at each change. `faults` are names out of `devices.streetlight.events.FAULTS`."""

    level_pct: Annotated[Percent, Unit("%", ("TALQ actualLightState", "uCIFI 3416/3"))]
    command: CommandInForce
    plan_level_pct: Annotated[Percent, Unit("%")] | None = None
    """What would be in force without any override: what the lamp returns to."""
    override_active: Annotated[bool, Unit("", ("uCIFI 3416/54",))] | None = None
    standby: Annotated[bool, Unit("", ("TALQ standbyMode", "uCIFI 3416/29"))] | None = None
    """True: at level 0 the gear keeps its power."""
    power_w: Annotated[float, Field(ge=0, le=100_000), Unit("W", ("TALQ activePower",))] | None = None
    program_id: Annotated[Text, Unit("", ("TALQ calendarID", "uCIFI 3416/13 Scheduler ID"))] | None = None
    program_invalid: Annotated[bool, Unit("", ("uCIFI 3416/14 Invalid scheduler",))] | None = None
    thermal_derating: Annotated[bool, Unit("", ("uCIFI 3416/22-27",))] | None = None
    constant_light_output: Annotated[bool, Unit("", ("TALQ cloEnabled", "uCIFI 3416/30"))] | None = None
    clock_valid: bool | None = None
    """False: the lamp knows that its clock is not set, and runs by its photocell or fallback level."""
