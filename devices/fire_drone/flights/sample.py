"""What detection looks at in a sample, and its settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from devices.fire_drone.enums import FlightState
from devices.samples import Value


@dataclass(frozen=True, slots=True)
class DetectionSettings:
    """Thresholds of detection."""

    rise_height_m: float = 2.0
    rise_height_s: float = 3.0
    climb_ms: float = 0.5
    climb_height_m: float = 1.0
    climb_s: float = 2.0
    rest_vertical_ms: float = 0.3
    rest_ground_ms: float = 0.5
    rest_height_m: float = 1.5
    rest_s: float = 10.0
    close_after_s: float = 60.0
    """A flight closes so long after its landing when nobody disarms."""
    stale_s: float = 5.0
    link_lost_s: float = 15.0
    bridge_s: float = 900.0
    """A longer gap in the air ends the flight."""
    bridge_speed_ms: float = 30.0
    battery_rise_pct: float = 5.0
    """A charge that rises by more is another battery."""
    very_short_s: float = 3.0
    endurance_s: float = 5400.0
    """A longer flight is flagged for review."""
    possible_speed_ms: float = 100.0
    """Positions that imply more count for nothing that is derived."""


@dataclass(frozen=True, slots=True)
class FlightSample:
    """The fields of a telemetry sample that detection needs; None is unknown."""

    ts_us: int
    received_us: int = 0
    boot_id: str | None = None
    flight_state: FlightState | None = None
    armed: bool | None = None
    lat: float | None = None
    lon: float | None = None
    fix: str | None = None
    altitude_amsl_m: float | None = None
    altitude_rel_m: float | None = None
    ground_speed_ms: float | None = None
    vertical_speed_ms: float | None = None
    home_lat: float | None = None
    home_lon: float | None = None
    battery_pct: float | None = None
    battery_voltage_v: float | None = None
    battery_temperature_c: float | None = None
    battery_serial: str | None = None

    @classmethod
    def of(cls, ts_us: int, received_us: int, values: Mapping[str, Value]) -> Self:
        """Pick the fields from stored values of the part without name."""
        known = {name: values[name] for name in PICKED if name in values}
        state = known.pop("flight_state", None)
        return cls(ts_us, received_us, flight_state=_state(state), **known)  # type: ignore[arg-type]


PICKED: tuple[str, ...] = tuple(name for name in FlightSample.__slots__ if name not in {"ts_us", "received_us"})
"""Names of the stored fields that detection needs."""


_STATES: Mapping[Value, FlightState] = MappingProxyType({state.value: state for state in FlightState})


def _state(value: Value | None) -> FlightState | None:
    return None if value is None else _STATES.get(value, FlightState.UNKNOWN)
