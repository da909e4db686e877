"""What every kind's messages share: the envelope and the bases of telemetry, state, events, acks and commands."""

from collections.abc import Iterator
from datetime import datetime
from enum import Enum, StrEnum
from types import UnionType
from typing import Annotated, ClassVar, Literal, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from devices.errors import ValueRefused
from devices.fields import Text, Version
from devices.time_us import rfc3339, to_us
from devices.wording.validation import ID_PATTERN

Id = Annotated[str, Field(pattern=ID_PATTERN)]
PROTOCOL_VERSION = 1


class WireModel(BaseModel):
    """Strict JSON object from outside; unknown fields are kept apart and counted, never stored."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False, frozen=False)


class Envelope(WireModel):
    """Common head of all messages but `status`."""

    HEAD: ClassVar[frozenset[str]] = frozenset({"v", "device_id", "ts", "boot_id", "seq", "part"})

    v: Literal[1]
    device_id: Id
    ts: AwareDatetime | None = None
    boot_id: Id
    seq: Annotated[int, Field(ge=0, le=2**63 - 1)]

    _body: ClassVar[tuple[str, ...]] = ()
    _nested: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        """Note the fields that are no head, and those of them that `values` cannot take as they are."""
        super().__pydantic_init_subclass__(**kwargs)
        cls._body = tuple(n for n in cls.model_fields if n not in cls.HEAD)
        cls._nested = tuple(n for n in cls._body if not _is_plain(cls.model_fields[n].annotation))

    @classmethod
    def plain_fields(cls) -> frozenset[str]:
        """Names of the fields that `values` takes as they are."""
        return frozenset(cls._body) - frozenset(cls._nested)

    def values(self) -> dict[str, float | int | bool | str]:
        """Fields that have a value, flat, without the head; a nested `a.b` becomes `a_b`, lists are left out."""
        fields = self.__dict__
        flat = {name: value for name in self._body if (value := fields[name]) is not None}
        for name in self._nested:
            value = flat.pop(name, None)
            if value is not None:
                flat.update(_flatten(name, value))
        return flat


def _is_plain(annotation: object) -> bool:
    if annotation in {float, int, bool, str, type(None)}:
        return True
    arguments = get_args(annotation)
    if get_origin(annotation) is Annotated:
        return _is_plain(arguments[0])
    return get_origin(annotation) in {Union, UnionType} and all(map(_is_plain, arguments))


def _flatten(name: str, value: object) -> Iterator[tuple[str, float | int | bool | str]]:
    if isinstance(value, BaseModel):
        for inner in type(value).model_fields:
            item = getattr(value, inner)
            if item is not None:
                yield from _flatten(f"{name}_{inner}", item)
    elif isinstance(value, Enum):
        yield name, value.value
    elif isinstance(value, datetime):
        yield name, rfc3339(to_us(value))
    elif isinstance(value, bool | int | float | str):
        yield name, value


class TelemetryMessage(Envelope):
    """One sample; `part` names the link, port, luminaire or battery it is about."""

    part: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{0,64}$")] = ""


class StateMessage(Envelope):
    """What the device is set to and why; retained."""

    applied_command_id: Id | None = None
    config_version: Version | None = None
    faults: Annotated[list[Text], Field(max_length=64)] = []


class InfoMessage(Envelope):
    """Who the device is; retained."""

    maker: Text | None = None
    model: Text | None = None
    firmware: Text | None = None
    serial: Text | None = None
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    capabilities: Annotated[list[Text], Field(max_length=64)] = []
    schema_version: Annotated[Version, Field(ge=1)] = 1
    delivery_window_s: Annotated[float, Field(gt=0, le=3600)] = 10.0


class EventSeverity(StrEnum):
    """How much somebody must act; RFC 5424 levels folded to four."""

    INFO = "info"
    WARNING = "warning"
    MAJOR = "major"
    CRITICAL = "critical"


class EventMessage(Envelope):
    """Something happened at the device; a stored series of its own per event name."""

    severity: EventSeverity = EventSeverity.INFO
    text: Text | None = None


UNREACHABLE = "unreachable"
"""Connection state that no device says: the connector that speaks for it is lost."""
AWAY = frozenset({"offline", UNREACHABLE})
"""Connection states of a device that hears nothing."""


class StatusState(StrEnum):
    """Connection state as the device or its last will says it."""

    ONLINE = "online"
    OFFLINE = "offline"
    SLEEPING = "sleeping"
    REMOVED = "removed"


class StatusMessage(WireModel):
    """Connection state, also the last will; its time is that of receipt."""

    v: Literal[1]
    boot_id: Id | None = None
    state: StatusState


class AckStatus(StrEnum):
    """A device's answer to a command."""

    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    APPLIED = "applied"
    REJECTED = "rejected"
    FAILED = "failed"


class AckMessage(Envelope):
    """Answer to a command; `reason` is a TALQ error key where one fits."""

    command_id: Id
    status: AckStatus
    reason: Text | None = None


class RequestModel(BaseModel):
    """What people ask of a device. Numbers are JSON numbers: `true` is not 1 %, `"80"` not 80 %."""

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_are_numbers(cls, value: object, info: ValidationInfo) -> object:
        field = cls.model_fields[info.field_name or ""]
        if isinstance(value, bool | str) and set(_plain_types(field.annotation)) <= {int, float, type(None)}:
            raise ValueRefused("no_number")
        return value


def _plain_types(annotation: object) -> Iterator[object]:
    if get_origin(annotation) is Annotated:
        yield from _plain_types(get_args(annotation)[0])
    elif get_origin(annotation) in {Union, UnionType}:
        for one in get_args(annotation):
            yield from _plain_types(one)
    else:
        yield annotation


class CommandBody(RequestModel):
    """Arguments of a command, as the API takes them and the wire carries them; absolute values only."""

    NAME: ClassVar[str]
    HAS_EFFECT: ClassVar[bool] = False
    """True where the command holds until an end (`until`), such as a dimming override."""
    EFFECT_CLASS: ClassVar[str] = ""
    """Commands of one class replace one another on the device, such as `dim` and `resume`; empty: its own name."""
    DEFAULT_EFFECT_S: ClassVar[float] = 7200
    """An effect ends after this when nothing else was asked for."""
    MAX_EFFECT_S: ClassVar[float] = 12 * 3600
    """Longest effect that may be asked for."""
    HEARD_WITHIN_S: ClassVar[float | None] = None
    """Given: only to a device that is online and was heard this short a time ago; else refused at once."""
    DELIVERY_MAX_S: ClassVar[float] = 24 * 3600
    """It may be under way no longer than this."""
    SCOPE: ClassVar[str]
    """Scope a key needs to issue it, such as `lights:dim`."""

    model_config = ConfigDict(strict=False, extra="forbid", allow_inf_nan=False, frozen=True)

    def replaces(self, earlier: "CommandBody") -> bool:
        """Tell whether applying this ends the effect of an earlier command to the same device."""
        return (self.EFFECT_CLASS or self.NAME) == (earlier.EFFECT_CLASS or earlier.NAME)


class ConfigMessage(RequestModel):
    """Desired state that a device gets retained, versioned."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reporting_interval_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
