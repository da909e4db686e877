"""What a lamp shall be set to; retained, so that a lamp that was without power or network gets it on return."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from devices.errors import ValueRefused
from devices.fields import FieldUnit, Percent, Text
from devices.messages import ConfigMessage, Id
from devices.streetlight.commands import FadeSeconds


class StepBase(StrEnum):
    """What the start of a step is counted from."""

    CLOCK = "clock"
    UTC = "utc"
    SUNSET = "sunset"
    SUNRISE = "sunrise"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LightStep(_Part):
    """From its start on the level holds until the next step starts."""

    base: Annotated[StepBase, FieldUnit("", ("TALQ fixedTimeControls, astroClockTimeControls",))]
    at: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] | None = None
    """`HH:MM`, local time for `clock`, UTC for `utc`; absent with the sun."""
    offset_min: Annotated[int, Field(ge=-720, le=720), FieldUnit("min", ("TALQ astro offset",))] = 0
    level_pct: Percent
    fade_s: FadeSeconds = 0.0

    @model_validator(mode="after")
    def _time_fits_base(self) -> Self:
        if (self.at is None) == (self.base in {StepBase.CLOCK, StepBase.UTC}):
            raise ValueRefused("streetlight.at_goes_with_clock")
        return self


class PresenceProgram(_Part):
    """Following light: the level while somebody passes, a Max on the plan (TALQ dynamicControls)."""

    level_pct: Percent
    hold_s: Annotated[float, Field(ge=0, le=3600), FieldUnit("s", ("TALQ holdTime",))] = 30.0
    fade_s: FadeSeconds = 2.0
    ahead: Annotated[int, Field(ge=0, le=10)] = 1
    """Lamps raised ahead of the passer-by."""


class LightProgram(_Part):
    """One night's levels (TALQ control program)."""

    program_id: Id
    steps: Annotated[tuple[LightStep, ...], Field(min_length=1, max_length=48)]
    presence: PresenceProgram | None = None


class LampConfig(ConfigMessage):
    """Light programs with the calendar's excerpt, groups, neighbours and limits."""

    groups: Annotated[tuple[Id, ...], Field(max_length=64)] | None = None
    """Groups whose commands the lamp obeys."""
    neighbours: Annotated[tuple[Id, ...], Field(max_length=16)] | None = None
    """Lamps whose presence sensors raise this one."""
    time_zone: Text | None = None
    """IANA name, for steps in local time."""
    programs: Annotated[tuple[LightProgram, ...], Field(max_length=32)] | None = None
    program_id: Id | None = None
    """The program of days that `days` does not name."""
    days: Annotated[dict[date, Id], Field(max_length=400)] | None = None
    """Calendar excerpt: the program of the night that begins on this local date."""
    floor_pct: Annotated[Percent, FieldUnit("%", ("TALQ minLightOutput", "uCIFI 3416/37"))] | None = None
    """Least level above 0 (EN 13201 class of the path)."""
    default_level_pct: Annotated[Percent, FieldUnit("%", ("TALQ defaultLightState", "uCIFI 3416/4"))] | None = None
    """In force where neither program nor override applies."""
    fallback_level_pct: Annotated[Percent, FieldUnit("%")] | None = None
    """In force at night without valid clock and program."""
    default_override_s: Annotated[float, Field(gt=0, le=43_200), FieldUnit("s", ("uCIFI 3416/53",))] | None = None
    """End of an override that names none."""
