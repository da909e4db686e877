"""Who a lamp is."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from devices.fields import Percent, Text, Unit
from devices.messages import Info


class ControlType(StrEnum):
    """How the controller drives the gear (TALQ controlType)."""

    DALI = "dali"
    ANALOG_1_10_V = "1-10v"
    PWM = "pwm"
    BILEVEL = "bilevel"
    SWITCH = "switch"
    OTHER = "other"


class LampInfo(Info):
    """Nameplate of controller and luminaire."""

    control_type: Annotated[ControlType, Unit("", ("TALQ controlType", "uCIFI 3416/35"))] | None = None
    rated_power_w: Annotated[float, Field(gt=0, le=100_000), Unit("W", ("TALQ wattage", "uCIFI 3416/36"))] | None = None
    minimum_level_pct: Annotated[Percent, Unit("%", ("TALQ minLightOutput", "uCIFI 3416/37"))] | None = None
    virtual_output_pct: Annotated[Percent, Unit("%", ("TALQ virtualLightOutput", "uCIFI 3416/41"))] | None = None
    colour_temperature_k: Annotated[float, Field(ge=500, le=20_000), Unit("K", ("uCIFI 3416/39",))] | None = None
    luminaire_gtin: Annotated[Text, Unit("", ("uCIFI 3416/58",))] | None = None
    luminaire_serial: Annotated[Text, Unit("", ("uCIFI 3416/59",))] | None = None
    dali_version: Annotated[Text, Unit("", ("uCIFI 3416/61",))] | None = None
    mounting_height_m: Annotated[float, Field(gt=0, le=100), Unit("m")] | None = None
