"""The kinds of devices the caller may see: what they measure, in which unit, and what they can be told."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

from fastapi import APIRouter, Query
from pydantic import BaseModel, JsonValue
from pydantic.fields import FieldInfo

from api.authentication import Who
from api.paging import ItemPage
from api.series import fields_of
from api.services import Use
from devices.alarm_texts import AlarmText, alarms_with_text
from devices.fields import FieldUnit, PlausibleRange
from devices.kind import DeviceKind
from devices.messages import CommandBody
from devices.wording.catalogue import Language

router = APIRouter(prefix="/kinds", tags=["devices"])


class MeasuredField(BaseModel):
    """A field of samples. `low` and `high`: beyond them it is doubted."""

    name: str
    number: bool
    unit: str | None
    low: float | None
    high: float | None


class CommandDefinition(BaseModel):
    """A command of a kind; `arguments` is a JSON Schema."""

    name: str
    scope: str
    description: str
    has_effect: bool
    default_effect_s: float | None
    max_effect_s: float | None
    arguments: dict[str, JsonValue]


class AlarmSaid(BaseModel):
    """What an alarm means, as it follows the device's name, and what to do; empty where that is plain."""

    name: str
    what: str
    remedy: str


class KindSchema(BaseModel):
    """A kind of device."""

    name: str
    title: str
    interval_s: float
    silent_after_s: float
    fields: list[MeasuredField]
    events: list[str]
    commands: list[CommandDefinition]
    alarms: list[AlarmSaid]


@router.get("")
def list_kinds(
    who: Who, services: Use, lang: Annotated[Language, Query(description="Language of the alarms' texts.")] = "en"
) -> ItemPage[KindSchema]:
    """List the kinds of which the caller may see something."""
    names = sorted(who.some_kinds(services.catalog))
    return ItemPage[KindSchema](items=[_kind(services.catalog[name], lang) for name in names])


def _kind(kind: DeviceKind, lang: Language) -> KindSchema:
    limits = kind.limits
    return KindSchema(
        name=kind.name,
        title=kind.title,
        interval_s=limits.reporting_interval_s,
        silent_after_s=limits.reporting_interval_s * limits.silent_after_intervals,
        fields=list(_fields(kind)),
        events=sorted(kind.events),
        commands=[_command(body) for body in kind.commands],
        alarms=[
            AlarmSaid(name=text.name, what=text.what(lang), remedy=text.remedy(lang))
            for text in (AlarmText(kind.name, name) for name in alarms_with_text(kind.name))
        ],
    )


def _fields(kind: DeviceKind) -> Iterator[MeasuredField]:
    about: Mapping[str, list[Any]] = dict(_annotated("", kind.telemetry.model_fields))
    for name, number in fields_of(kind.telemetry).items():
        marks = about.get(name, [])
        unit = next((m.symbol for m in marks if isinstance(m, FieldUnit)), None)
        range_ = next((m for m in marks if isinstance(m, PlausibleRange)), None)
        yield MeasuredField(
            name=name,
            number=number,
            unit=unit,
            low=None if range_ is None else range_.low,
            high=None if range_ is None else range_.high,
        )


def _annotated(lead: str, fields: Mapping[str, FieldInfo]) -> Iterable[tuple[str, list[Any]]]:
    """What is written beside each field's type, by the name under which it is stored."""
    for name, field in fields.items():
        yield lead + name, [*field.metadata, *_inside(field.annotation)]
        for kind in _types(field.annotation):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _annotated(f"{lead}{name}_", kind.model_fields)


def _inside(annotation: object) -> Iterator[object]:
    if get_origin(annotation) is Annotated:
        yield from get_args(annotation)[1:]
    for inner in get_args(annotation):
        yield from _inside(inner)


def _types(annotation: object) -> Iterator[object]:
    inner = get_args(annotation)
    if not inner:
        yield annotation
    for one in inner:
        yield from _types(one)


def _command(body: type[CommandBody]) -> CommandDefinition:
    return CommandDefinition(
        name=body.NAME,
        scope=body.SCOPE,
        description=(body.__doc__ or "").strip(),
        has_effect=body.HAS_EFFECT,
        default_effect_s=body.DEFAULT_EFFECT_S if body.HAS_EFFECT else None,
        max_effect_s=body.MAX_EFFECT_S if body.HAS_EFFECT else None,
        arguments=body.model_json_schema(),
    )
