"""How each field of each series is stored: taken from the kind's models, so that types never change between samples."""

import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Final, Generic, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel

from devices.errors import ConfigurationError
from devices.kind import DeviceKind
from devices.messages import Envelope
from devices.samples import TELEMETRY, Sample

RESERVED: Final = frozenset({"received_at_us", "suspect", "time", "asset", "part"})
INT64_MAX: Final = 2**63 - 1
SHAPES_KEPT: Final = 4096
T = TypeVar("T")


class FieldType(Enum):
    """Type of a stored field. `UINT` only where the model allows more than 63 bits."""

    FLOAT = "float"
    INT = "int"
    UINT = "uint"
    BOOL = "bool"
    TEXT = "text"


TAKES: Final[Mapping[FieldType, tuple[type, ...]]] = {
    FieldType.FLOAT: (float, int),
    FieldType.INT: (int,),
    FieldType.UINT: (int,),
    FieldType.BOOL: (bool,),
    FieldType.TEXT: (str,),
}


class UnstorableError(Exception):
    """This sample can never be stored; the message says why."""


@dataclass(frozen=True, slots=True)
class FieldShape:
    """Names and types of the fields of one sample; many samples share one."""

    names: tuple[str, ...]
    types: tuple[FieldType, ...]


class StoreSchema:
    """Field types of all series of all kinds. Raises ConfigurationError when a model uses a reserved name."""

    def __init__(self, catalog: Mapping[str, DeviceKind]) -> None:
        self._series = {name: dict(_series_of(kind)) for name, kind in catalog.items()}

    def declared(self, kind: str, series: str) -> Mapping[str, FieldType]:
        """Types of the fields that the model declares; empty for an unknown series."""
        return self._series.get(kind, {}).get(series, {})

    def numeric(self, kind: str, series: str) -> tuple[str, ...]:
        """Declared fields that can be aggregated."""
        numbers = (FieldType.FLOAT, FieldType.INT, FieldType.UINT)
        return tuple(name for name, field_type in self.declared(kind, series).items() if field_type in numbers)

    def shape(self, sample: Sample) -> FieldShape:
        """Types for this sample's fields. A field the model does not declare gets a type from its value, numbers FLOAT.

        Raises UnstorableError.
        """
        if sample.kind not in self._series:
            raise UnstorableError(f"unknown kind {sample.kind!r}")
        declared = self.declared(sample.kind, sample.series)
        typed = {name: declared.get(name) or _by_value(name, value) for name, value in sample.values.items()}
        for name, field_type in typed.items():
            value = sample.values[name]
            if not isinstance(value, TAKES[field_type]) or (isinstance(value, bool) and field_type != FieldType.BOOL):
                raise UnstorableError(f"{name} is {type(value).__name__}, not {field_type.value}")
        return FieldShape(tuple(typed), tuple(typed.values()))


class ShapeCache(Generic[T]):
    """What `build` makes of a shape, kept per combination of kind, series, field names and Python types."""

    def __init__(self, schema: StoreSchema, build: Callable[[FieldShape], T]) -> None:
        self._schema = schema
        self._build = build
        self._built: dict[tuple[object, ...], T] = {}

    def get(self, sample: Sample) -> T:
        """Raises UnstorableError."""
        values = sample.values
        key = (sample.kind, sample.series, tuple(values), tuple(map(type, values.values())))
        built = self._built.get(key)
        if built is None:
            if len(self._built) >= SHAPES_KEPT:
                self._built.clear()
            built = self._built[key] = self._build(self._schema.shape(sample))
        return built


def _series_of(kind: DeviceKind) -> Iterator[tuple[str, dict[str, FieldType]]]:
    models: dict[str, type[Envelope]] = {TELEMETRY: kind.telemetry}
    models |= {f"event_{name}": model for name, model in kind.events.items()}
    for series, model in models.items():
        fields = dict(_fields(model, model.HEAD))
        if taken := RESERVED.intersection(fields):
            raise ConfigurationError(f"{kind.name}.{series}: {', '.join(sorted(taken))} is a name of the store's own")
        yield series, fields


def _fields(model: type[BaseModel], leave: frozenset[str], prefix: str = "") -> Iterator[tuple[str, FieldType]]:
    for name, field in model.model_fields.items():
        if name in leave:
            continue
        found, metadata = _unwrap(field.annotation, field.metadata)
        if isinstance(found, type) and issubclass(found, BaseModel):
            yield from _fields(found, frozenset(), f"{prefix}{name}_")
        elif (field_type := _field_type(found, metadata)) is not None:
            yield prefix + name, field_type


def _unwrap(annotation: Any, metadata: Iterable[Any]) -> tuple[Any, list[Any]]:  # noqa: ANN401 - annotations are anything
    """Leave None, Annotated and Literal aside; of several types the widest number."""
    collected = list(metadata)
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return _unwrap(inner, [*collected, *more])
    if origin is Literal:
        return type(get_args(annotation)[0]), collected
    if origin in (Union, types.UnionType):
        members = [_unwrap(each, collected) for each in get_args(annotation) if each is not type(None)]
        return next((each for each in members if each[0] is float), members[0])
    return origin or annotation, collected


def _field_type(found: Any, metadata: Iterable[Any]) -> FieldType | None:  # noqa: ANN401
    if not isinstance(found, type) or issubclass(found, list | tuple | dict):
        return None
    if issubclass(found, bool):
        return FieldType.BOOL
    if issubclass(found, int):
        return FieldType.UINT if any(_at_most(each) > INT64_MAX for each in metadata) else FieldType.INT
    return FieldType.FLOAT if issubclass(found, float) else FieldType.TEXT


def _at_most(constraint: object) -> float:
    nested = getattr(constraint, "metadata", ())
    return max([getattr(constraint, "le", 0) or 0, *(getattr(each, "le", 0) or 0 for each in nested)])


def _by_value(name: str, value: object) -> FieldType:
    if name in RESERVED or not name or name.startswith("_") or any(c in name for c in "\n\\."):
        raise UnstorableError(f"{name!r} cannot name a field")
    if isinstance(value, bool):
        return FieldType.BOOL
    if isinstance(value, int | float):
        return FieldType.FLOAT
    if isinstance(value, str):
        return FieldType.TEXT
    raise UnstorableError(f"{name} is {type(value).__name__}")
