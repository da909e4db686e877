"""The table of our field names against the standards', as docs/reference/names/fire_drone.md holds it."""

from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel

from devices.fields import FieldUnit
from devices.fire_drone.info import DroneInfo
from devices.fire_drone.state import DroneState
from devices.fire_drone.telemetry import DroneTelemetry
from devices.messages import Envelope, InfoMessage, StateMessage

_MODELS = (
    (DroneTelemetry, "telemetry", Envelope),
    (DroneState, "state", StateMessage),
    (DroneInfo, "info", InfoMessage),
)


def rows() -> Iterator[str]:
    """One table row per field of our own."""
    for model, channel, base in _MODELS:
        for name, unit in fields(model, base):
            symbol = unit.symbol or "–"
            cells = (f"`{name}`", channel, symbol, named(unit, "MAVLink"), named(unit, "DJI"), others(unit))
            yield f"| {' | '.join(cells)} |"


def fields(model: type[BaseModel], base: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldUnit]]:
    for name, field in model.model_fields.items():
        if name in base.model_fields or name == "part":
            continue
        inner = next((a for a in get_args(field.annotation) if isinstance(a, type) and issubclass(a, BaseModel)), None)
        if inner is not None:
            yield from fields(inner, BaseModel, f"{prefix}{name}.")
            continue
        units = [m for m in (*field.metadata, *metadata(field.annotation)) if isinstance(m, FieldUnit)]
        if units:
            yield prefix + name, max(units, key=lambda unit: len(unit.standards))


def metadata(annotation: Any) -> tuple[Any, ...]:
    own = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return own + tuple(found for a in get_args(annotation) for found in metadata(a))


def named(unit: FieldUnit, standard: str) -> str:
    """Names of one standard, or a dash."""
    found = [s.removeprefix(standard).strip(" :") for s in unit.standards if s.startswith(standard)]
    return ", ".join(f"`{name}`" if " " not in name else name for name in found) or "–"


def others(unit: FieldUnit) -> str:
    """Everything that is neither MAVLink's nor DJI's."""
    return ", ".join(s for s in unit.standards if not s.startswith(("MAVLink", "DJI"))) or "–"
