"""What every kind's messages share: the envelope and the bases of telemetry, state, events, acks and commands."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from devices.fields import Text

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
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

    def values(self) -> dict[str, float | int | bool | str]:
        """Fields that have a value, flat, without the head; nested `a.b` becomes `a_b`."""
        return dict(_flat(self, self.HEAD))


def _flat(model: BaseModel, leave: frozenset[str], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if value is None or name in leave:
            continue
        if isinstance(value, BaseModel):
            yield from _flat(value, frozenset(), f"{prefix}{name}_")
        elif isinstance(value, StrEnum):
            yield prefix + name, value.value
        elif isinstance(value, bool | int | float | str):
            yield prefix + name, value
        elif not isinstance(value, list | tuple | dict):
            yield prefix + name, value.isoformat()


class Telemetry(Envelope):
    """One sample; `part` names the link, port, luminaire or battery it is about."""

    part: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{0,64}$")] = ""


class State(Envelope):
    """What the device is set to and why; retained."""

    applied_command_id: Id | None = None
    config_version: Annotated[int, Field(ge=0)] | None = None
    faults: Annotated[list[Text], Field(max_length=64)] = []


class Info(Envelope):
    """Who the device is; retained."""

    maker: Text | None = None
    model: Text | None = None
    firmware: Text | None = None
    serial: Text | None = None
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    capabilities: Annotated[list[Text], Field(max_length=64)] = []
    schema_version: Annotated[int, Field(ge=1)] = 1
    delivery_window_s: Annotated[float, Field(gt=0, le=3600)] = 10.0


class Severity(StrEnum):
    """How much somebody must act; RFC 5424 levels folded to four."""

    INFO = "info"
    WARNING = "warning"
    MAJOR = "major"
    CRITICAL = "critical"


class Event(Envelope):
    """Something happened at the device; a stored series of its own per event name."""

    severity: Severity = Severity.INFO
    text: Text | None = None


class StatusState(StrEnum):
    """Connection state as the device or its last will says it."""

    ONLINE = "online"
    OFFLINE = "offline"
    SLEEPING = "sleeping"
    REMOVED = "removed"


class Status(WireModel):
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


class Ack(Envelope):
    """Answer to a command; `reason` is a TALQ error key where one fits."""

    command_id: Id
    status: AckStatus
    reason: Text | None = None


class CommandBody(BaseModel):
    """Arguments of a command, as the API takes them and the wire carries them; absolute values only."""

    NAME: ClassVar[str]
    HAS_EFFECT: ClassVar[bool] = False
    """True where the command holds until an end (`until`), such as a dimming override."""
    SCOPE: ClassVar[str]
    """Scope a key needs to issue it, such as `lights:dim`."""

    model_config = ConfigDict(strict=False, extra="forbid", allow_inf_nan=False, frozen=True)


class Config(BaseModel):
    """Desired state that a device gets retained, versioned."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reporting_interval_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
