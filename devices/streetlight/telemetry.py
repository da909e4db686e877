"""What a lamp measures: one sample of the lamp and of the sensors on its pole.

Ranges are what physics and the standards allow; plausible ranges are for a 230 V LED lamp up to 150 W.
"""

from typing import Annotated

from pydantic import Field

from devices.fields import Counter64, FieldUnit, Percent, PlausibleRange
from devices.messages import TelemetryMessage


class LampTelemetry(TelemetryMessage):
    """One sample. Three things stay apart: `level_pct` is what the lamp does, `command_level_pct` what is in force."""

    level_pct: Annotated[Percent, FieldUnit("%", ("TALQ actualLightState", "uCIFI 3416/3"))] | None = None
    command_level_pct: Annotated[Percent, FieldUnit("%", ("TALQ feedbackLightCommand", "uCIFI 3416/2"))] | None = None

    power_w: (
        Annotated[
            float,
            Field(ge=0, le=100_000),
            FieldUnit("W", ("TALQ activePower", "uCIFI 3418 Active power")),
            PlausibleRange(0, 300),
        ]
        | None
    ) = None
    apparent_power_va: (
        Annotated[float, Field(ge=0, le=100_000), FieldUnit("VA", ("TALQ apparentPower",)), PlausibleRange(0, 400)]
        | None
    ) = None
    reactive_power_var: (
        Annotated[
            float,
            Field(ge=-100_000, le=100_000),
            FieldUnit("var", ("TALQ reactivePower", "uCIFI 3418 Reactive power")),
            PlausibleRange(-400, 400),
        ]
        | None
    ) = None
    voltage_v: (
        Annotated[
            float,
            Field(ge=0, le=1_000),
            FieldUnit("V", ("TALQ supplyVoltage", "uCIFI 3418 Supply voltage")),
            PlausibleRange(0, 280),
        ]
        | None
    ) = None
    current_a: (
        Annotated[
            float,
            Field(ge=0, le=1_000),
            FieldUnit("A", ("TALQ supplyCurrent", "uCIFI 3418 Supply current")),
            PlausibleRange(0, 5),
        ]
        | None
    ) = None
    power_factor: (
        Annotated[float, Field(ge=-1, le=1), FieldUnit("1", ("TALQ powerFactor", "uCIFI 3418 Power factor"))] | None
    ) = None
    frequency_hz: (
        Annotated[float, Field(ge=0, le=1_000), FieldUnit("Hz", ("uCIFI 3418 Frequency",)), PlausibleRange(45, 55)]
        | None
    ) = None

    energy_wh: (
        Annotated[
            float,
            Field(ge=0, le=1e12),
            FieldUnit("Wh", ("TALQ activeEnergy", "uCIFI 3418 Cumulated active energy", "DALI part 252 bank 202")),
        ]
        | None
    ) = None
    operating_h: (
        Annotated[float, Field(ge=0, le=1e6), FieldUnit("h", ("TALQ operatingHours", "uCIFI 3416/15"))] | None
    ) = None
    gear_operating_h: (
        Annotated[float, Field(ge=0, le=1e6), FieldUnit("h", ("uCIFI 3416/56", "DALI part 253 bank 205"))] | None
    ) = None
    switch_on_count: Annotated[Counter64, FieldUnit("1", ("TALQ switchOnCounter", "uCIFI 3416/18"))] | None = None
    gear_start_count: Annotated[Counter64, FieldUnit("1", ("uCIFI 3416/20",))] | None = None
    supply_loss_count: Annotated[Counter64, FieldUnit("1", ("TALQ supplyLossCount",))] | None = None

    gear_temperature_c: (
        Annotated[
            float,
            Field(ge=-273.15, le=1_000),
            FieldUnit("°C", ("TALQ temperature", "uCIFI 3416/21")),
            PlausibleRange(-40, 120),
        ]
        | None
    ) = None
    illuminance_lx: (
        Annotated[float, Field(ge=0, le=1e6), FieldUnit("lx", ("TALQ illuminance",)), PlausibleRange(0, 120_000)] | None
    ) = None
    road_users: Annotated[int, Field(ge=0, le=10**9), FieldUnit("1", ("TALQ roadUserNumber",))] | None = None
    """Counted in the last `sampling_s`."""
    sampling_s: Annotated[float, Field(gt=0, le=86_400), FieldUnit("s", ("TALQ trafficSamplingPeriod",))] | None = None
    ambient_temperature_c: (
        Annotated[float, Field(ge=-273.15, le=1_000), FieldUnit("°C"), PlausibleRange(-40, 60)] | None
    ) = None
    relative_humidity_pct: Annotated[Percent, FieldUnit("%")] | None = None
    surface_temperature_c: (
        Annotated[float, Field(ge=-273.15, le=1_000), FieldUnit("°C"), PlausibleRange(-40, 80)] | None
    ) = None
    tilt_deg: Annotated[float, Field(ge=0, le=180), FieldUnit("deg"), PlausibleRange(0, 90)] | None = None

    rssi_dbm: Annotated[float, Field(ge=-200, le=50), FieldUnit("dBm"), PlausibleRange(-150, 0)] | None = None
    snr_db: Annotated[float, Field(ge=-200, le=200), FieldUnit("dB"), PlausibleRange(-30, 30)] | None = None
