"""What a lamp is set to and why."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from devices.fields import FieldUnit, Percent, Text
from devices.messages import StateMessage, WireModel
from devices.streetlight.enums import LevelReason


class CommandInForce(WireModel):
    """The level in force, why, by whose word and until when (TALQ feedbackLightCommand)."""

    level_pct: Annotated[Percent, FieldUnit("%", ("TALQ feedbackLightCommand.state", "uCIFI 3416/2"))]
    reason: Annotated[LevelReason, FieldUnit("", ("TALQ reason",))]
    ref: Annotated[Text, FieldUnit("", ("TALQ cmsRefId, refAddress",))] | None = None
    """Id of the command, program or sensor that asked for it."""
    until: Annotated[AwareDatetime, FieldUnit("", ("TALQ expiration", "uCIFI 3416/51"))] | None = None
    """When it ends by itself; absent for what has no end, such as a program."""


class LampState(StateMessage):
    """Published retained at each change. `faults` are names out of `devices.streetlight.events.FAULTS`."""

    level_pct: Annotated[Percent, FieldUnit("%", ("TALQ actualLightState", "uCIFI 3416/3"))]
    command: CommandInForce
    plan_level_pct: Annotated[Percent, FieldUnit("%")] | None = None
    """What would be in force without any override: what the lamp returns to."""
    override_active: Annotated[bool, FieldUnit("", ("uCIFI 3416/54",))] | None = None
    standby: Annotated[bool, FieldUnit("", ("TALQ standbyMode", "uCIFI 3416/29"))] | None = None
    """True: at level 0 the gear keeps its power."""
    power_w: Annotated[float, Field(ge=0, le=100_000), FieldUnit("W", ("TALQ activePower",))] | None = None
    program_id: Annotated[Text, FieldUnit("", ("TALQ calendarID", "uCIFI 3416/13 Scheduler ID"))] | None = None
    program_invalid: Annotated[bool, FieldUnit("", ("uCIFI 3416/14 Invalid scheduler",))] | None = None
    thermal_derating: Annotated[bool, FieldUnit("", ("uCIFI 3416/22-27",))] | None = None
    constant_light_output: Annotated[bool, FieldUnit("", ("TALQ cloEnabled", "uCIFI 3416/30"))] | None = None
    clock_valid: bool | None = None
    """False: the lamp knows that its clock is not set, and runs by its photocell or fallback level."""
