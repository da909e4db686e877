"""What a lamp can be told. Every override has an end."""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from devices.fields import FieldUnit, Percent
from devices.messages import CommandBody
from devices.streetlight.enums import LevelOperation, LevelReason

FADE_MAX_S: Final = 90.5
"""Longest fade of DALI (IEC 62386-102)."""
FadeSeconds = Annotated[
    float,
    Field(ge=0, le=FADE_MAX_S),
    FieldUnit("s", ("TALQ rampToLevelTime", "uCIFI 3416/52")),
]


class DimCommand(CommandBody):
    """Hold a level until an end that is always set; then the lamp returns by itself to what is below on the ladder.

    A level between 0 and the lamp's floor is raised to the floor, and the answer says so.
    """

    NAME: ClassVar[str] = "dim"
    HAS_EFFECT: ClassVar[bool] = True
    EFFECT_CLASS: ClassVar[str] = "light"
    DEFAULT_EFFECT_S: ClassVar[float] = 7200
    """uCIFI 3416/53."""
    MAX_EFFECT_S: ClassVar[float] = 12 * 3600
    SCOPE: ClassVar[str] = "lights:dim"

    level_pct: Annotated[Percent, FieldUnit("%", ("TALQ DimLevel", "uCIFI 3416/1"))]
    fade_s: FadeSeconds = 0.0
    operation: Annotated[LevelOperation, FieldUnit("", ("TALQ EffectOperation",))] = LevelOperation.SET
    priority: Annotated[
        Literal[LevelReason.EMERGENCY, LevelReason.MAINTENANCE, LevelReason.OVERRIDE], FieldUnit("", ("TALQ reason",))
    ] = LevelReason.OVERRIDE
    """Rung on the ladder; within a rung the newest command wins."""

    def replaces(self, earlier: CommandBody) -> bool:
        """Within a rung only: an operator's override with time left outlasts an emergency."""
        return isinstance(earlier, DimCommand) and earlier.priority is self.priority


class ResumeCommand(CommandBody):
    """Drop the overrides on this rung and below, and return to what remains: a higher rung or the plan."""

    NAME: ClassVar[str] = "resume"
    EFFECT_CLASS: ClassVar[str] = "light"
    SCOPE: ClassVar[str] = "lights:dim"

    fade_s: FadeSeconds = 0.0
    priority: Literal[LevelReason.EMERGENCY, LevelReason.MAINTENANCE, LevelReason.OVERRIDE] = LevelReason.OVERRIDE

    def replaces(self, earlier: CommandBody) -> bool:
        """Ends the overrides on its rung and below."""
        return isinstance(earlier, DimCommand) and earlier.priority.rung >= self.priority.rung
