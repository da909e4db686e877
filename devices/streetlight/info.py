"""Who a lamp is."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from devices.fields import FieldUnit, Percent, Text
from devices.messages import InfoMessage


class ControlType(StrEnum):
    """How the controller drives the gear (TALQ controlType)."""

    DALI = "dali"
    ANALOG_1_10_V = "1-10v"
    PWM = "pwm"
    BILEVEL = "bilevel"
    SWITCH = "switch"
    OTHER = "other"


class LampInfo(InfoMessage):
    """Nameplate of controller and luminaire."""

    control_type: Annotated[ControlType, FieldUnit("", ("TALQ controlType", "uCIFI 3416/35"))] | None = None
    rated_power_w: (
        Annotated[float, Field(gt=0, le=100_000), FieldUnit("W", ("TALQ wattage", "uCIFI 3416/36"))] | None
    ) = None
    minimum_level_pct: Annotated[Percent, FieldUnit("%", ("TALQ minLightOutput", "uCIFI 3416/37"))] | None = None
    virtual_output_pct: Annotated[Percent, FieldUnit("%", ("TALQ virtualLightOutput", "uCIFI 3416/41"))] | None = None
    colour_temperature_k: Annotated[float, Field(ge=500, le=20_000), FieldUnit("K", ("uCIFI 3416/39",))] | None = None
    luminaire_gtin: Annotated[Text, FieldUnit("", ("uCIFI 3416/58",))] | None = None
    luminaire_serial: Annotated[Text, FieldUnit("", ("uCIFI 3416/59",))] | None = None
    dali_version: Annotated[Text, FieldUnit("", ("uCIFI 3416/61",))] | None = None
    mounting_height_m: Annotated[float, Field(gt=0, le=100), FieldUnit("m")] | None = None
