"""What happens at a lamp. Names are those of TALQ, in snake_case."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field

from devices.fields import Figure, Percent, Text, Unit, Version
from devices.messages import Event
from devices.streetlight.light import Reason


class Fault(Event):
    """A fault began, or with `active` false ended."""

    active: bool = True


class PowerFault(Fault):
    """Power outside the limits for the level."""

    level_pct: Percent | None = None
    power_w: Annotated[float, Field(ge=0, le=100_000), Unit("W")] | None = None
    limit_w: Annotated[float, Field(ge=0, le=100_000), Unit("W")] | None = None


class VoltageFault(Fault):
    """Supply voltage outside its limits."""

    voltage_v: Annotated[float, Field(ge=0, le=1_000), Unit("V")] | None = None
    limit_v: Annotated[float, Field(ge=0, le=1_000), Unit("V")] | None = None


class CurrentFault(Fault):
    """Current outside its limits, or to earth."""

    current_a: Annotated[float, Field(ge=0, le=1_000), Unit("A")] | None = None
    limit_a: Annotated[float, Field(ge=0, le=1_000), Unit("A")] | None = None


class PowerFactorFault(Fault):
    """Power factor below its limit."""

    power_factor: Annotated[float, Field(ge=-1, le=1)] | None = None
    limit: Annotated[float, Field(ge=-1, le=1)] | None = None


class TemperatureFault(Fault):
    """Control gear above its limit."""

    gear_temperature_c: Annotated[float, Field(ge=-273.15, le=1_000), Unit("°C")] | None = None
    limit_c: Annotated[float, Field(ge=-273.15, le=1_000), Unit("°C")] | None = None


class LightStateChange(Event):
    """Another level is in force."""

    level_pct: Percent
    reason: Reason
    ref: Text | None = None


class ProgramChange(Event):
    """Another program or calendar runs."""

    program_id: Text | None = None
    config_version: Version | None = None


class CounterReset(Event):
    """A counter started again."""

    counter: Text
    last_value: Annotated[Figure, Field(ge=0)] | None = None


class Passage(Event):
    """Somebody passed, or pressed the button."""

    road_users: Annotated[int, Field(ge=0, le=10**9)] = 1
    road_user_class: Text | None = None
    sensor: Text | None = None


FAULTS: Final[Mapping[str, type[Fault]]] = MappingProxyType(
    {
        "lamp_failure": Fault,
        "control_gear_failure": Fault,
        "control_gear_comm_failure": Fault,
        "relay_failure": Fault,
        "contactor_error": Fault,
        "cycling_failure": Fault,
        "lamp_unexpectedly_on": Fault,
        "supply_loss": Fault,
        "communication_failure": Fault,
        "sensor_failure": Fault,
        "button_stuck": Fault,
        "door_open": Fault,
        "battery_shutdown": Fault,
        "invalid_lamp_type": Fault,
        "invalid_program": Fault,
        "lamp_power_too_high": PowerFault,
        "lamp_power_too_low": PowerFault,
        "lamp_voltage_too_high": VoltageFault,
        "lamp_voltage_too_low": VoltageFault,
        "current_too_high": CurrentFault,
        "current_too_low": CurrentFault,
        "leakage_detected": CurrentFault,
        "power_factor_too_low": PowerFactorFault,
        "high_temperature": TemperatureFault,
        "ice_warning": Fault,
    }
)
"""Fault events; the same names may stand in `state.faults`."""

EVENTS: Final[Mapping[str, type[Event]]] = MappingProxyType(
    {
        **FAULTS,
        "light_state_change": LightStateChange,
        "program_change": ProgramChange,
        "calendar_change": ProgramChange,
        "counter_reset": CounterReset,
        "presence_detected": Passage,
        "button_pressed": Passage,
        "location_updated": Event,
        "firmware_updated": Event,
    }
)
