"""What happens at a lamp. Names are those of TALQ, in snake_case."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field

from devices.fields import FieldUnit, Figure, Percent, Text, Version
from devices.messages import EventMessage
from devices.streetlight.enums import LevelReason


class LampFault(EventMessage):
    """A fault began, or with `active` false ended."""

    active: bool = True


class PowerFault(LampFault):
    """Power outside the limits for the level."""

    level_pct: Percent | None = None
    power_w: Annotated[float, Field(ge=0, le=100_000), FieldUnit("W")] | None = None
    limit_w: Annotated[float, Field(ge=0, le=100_000), FieldUnit("W")] | None = None


class VoltageFault(LampFault):
    """Supply voltage outside its limits."""

    voltage_v: Annotated[float, Field(ge=0, le=1_000), FieldUnit("V")] | None = None
    limit_v: Annotated[float, Field(ge=0, le=1_000), FieldUnit("V")] | None = None


class CurrentFault(LampFault):
    """Current outside its limits, or to earth."""

    current_a: Annotated[float, Field(ge=0, le=1_000), FieldUnit("A")] | None = None
    limit_a: Annotated[float, Field(ge=0, le=1_000), FieldUnit("A")] | None = None


class PowerFactorFault(LampFault):
    """Power factor below its limit."""

    power_factor: Annotated[float, Field(ge=-1, le=1)] | None = None
    limit: Annotated[float, Field(ge=-1, le=1)] | None = None


class TemperatureFault(LampFault):
    """Control gear above its limit."""

    gear_temperature_c: Annotated[float, Field(ge=-273.15, le=1_000), FieldUnit("°C")] | None = None
    limit_c: Annotated[float, Field(ge=-273.15, le=1_000), FieldUnit("°C")] | None = None


class LightStateChange(EventMessage):
    """Another level is in force."""

    level_pct: Percent
    reason: LevelReason
    ref: Text | None = None


class ProgramChange(EventMessage):
    """Another program or calendar runs."""

    program_id: Text | None = None
    config_version: Version | None = None


class CounterReset(EventMessage):
    """A counter started again."""

    counter: Text
    last_value: Annotated[Figure, Field(ge=0)] | None = None


class PassageEvent(EventMessage):
    """Somebody passed, or pressed the button."""

    road_users: Annotated[int, Field(ge=0, le=10**9)] = 1
    road_user_class: Text | None = None
    sensor: Text | None = None


FAULTS: Final[Mapping[str, type[LampFault]]] = MappingProxyType(
    {
        "lamp_failure": LampFault,
        "control_gear_failure": LampFault,
        "control_gear_comm_failure": LampFault,
        "relay_failure": LampFault,
        "contactor_error": LampFault,
        "cycling_failure": LampFault,
        "lamp_unexpectedly_on": LampFault,
        "supply_loss": LampFault,
        "communication_failure": LampFault,
        "sensor_failure": LampFault,
        "button_stuck": LampFault,
        "door_open": LampFault,
        "battery_shutdown": LampFault,
        "invalid_lamp_type": LampFault,
        "invalid_program": LampFault,
        "lamp_power_too_high": PowerFault,
        "lamp_power_too_low": PowerFault,
        "lamp_voltage_too_high": VoltageFault,
        "lamp_voltage_too_low": VoltageFault,
        "current_too_high": CurrentFault,
        "current_too_low": CurrentFault,
        "leakage_detected": CurrentFault,
        "power_factor_too_low": PowerFactorFault,
        "high_temperature": TemperatureFault,
        "ice_warning": LampFault,
    }
)
"""Fault events; the same names may stand in `state.faults`."""

EVENTS: Final[Mapping[str, type[EventMessage]]] = MappingProxyType(
    {
        **FAULTS,
        "light_state_change": LightStateChange,
        "program_change": ProgramChange,
        "calendar_change": ProgramChange,
        "counter_reset": CounterReset,
        "presence_detected": PassageEvent,
        "button_pressed": PassageEvent,
        "location_updated": EventMessage,
        "firmware_updated": EventMessage,
    }
)
