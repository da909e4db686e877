"""Tables of a kind's field names against the standards', out of the models, for the documentation."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from devices.fields import Plausible, Unit
from devices.kind import DeviceKind
from devices.messages import Envelope

_BOUNDS = (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))


def page(kind: DeviceKind) -> str:
    """Markdown of a kind: a table for each model, the commands, the events, the rules."""
    models: list[tuple[str, type[BaseModel]]] = [
        ("Telemetry", kind.telemetry),
        ("State", kind.state),
        ("Info", kind.info),
        ("Configuration", kind.config),
        *((f"Command `{c.NAME}`", c) for c in kind.commands),
    ]
    lines = [f"# {kind.title}: names, units, limits", ""]
    lines += [
        "Generated from the models. Values outside *possible* are refused, outside *plausible* stored and marked.",
        "",
    ]
    for title, model in models:
        lines += [f"## {title}", "", *_table(model), ""]
    events = [f"| `{name}` | {_first_line(model)} |" for name, model in kind.events.items()]
    rules = [f"| `{rule.__name__}` | {_first_line(rule)} |" for rule in kind.rules]
    lines += ["## Events", "", "| event | meaning |", "|---|---|", *events, ""]
    lines += ["## Alarms", "", "| alarm | raised when |", "|---|---|", *rules]
    return "\n".join(lines) + "\n"


def _table(model: type[BaseModel]) -> list[str]:
    rows = [_row(name, field) for name, field in _fields(model)]
    return ["| field | unit | possible | plausible | in the standards |", "|---|---|---|---|---|", *rows]


def _fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Own fields, those of nested objects as `a.b`, without the envelope."""
    for name, field in model.model_fields.items():
        if name in Envelope.HEAD:
            continue
        inner = next((t for t in _types(field.annotation) if isinstance(t, type) and issubclass(t, BaseModel)), None)
        if inner is None:
            yield prefix + name, field
        else:
            yield from _fields(inner, f"{prefix}{name}.")


def _row(name: str, field: FieldInfo) -> str:
    marks = [*field.metadata, *_marks(field.annotation)]
    units = [m for m in marks if isinstance(m, Unit)]
    unit = max(units, key=lambda u: len(u.standards), default=Unit(""))
    bounds = [
        f"{sign} {_plain(value)}" for key, sign in _BOUNDS if isinstance(value := _bound(marks, key), int | float)
    ]
    plausible = next((f"{m.low:g} … {m.high:g}" for m in marks if isinstance(m, Plausible)), "")
    return f"| `{name}` | {unit.symbol} | {', '.join(bounds)} | {plausible} | {'; '.join(unit.standards)} |"


def _plain(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:g}"


def _bound(marks: list[Any], key: str) -> object:
    """The bound of a constraint, also within a pydantic `Field`."""
    for mark in marks:
        for holder in (mark, *getattr(mark, "metadata", ())):
            value = getattr(holder, key, None)
            if value is not None:
                return value
    return None


def _marks(annotation: object) -> list[Any]:
    own = list(getattr(annotation, "__metadata__", ()))
    return own + [mark for part in get_args(annotation) for mark in _marks(part)]


def _types(annotation: object) -> Iterator[object]:
    yield annotation
    for part in get_args(annotation):
        yield from _types(part)


def _first_line(thing: object) -> str:
    return (thing.__doc__ or "").strip().partition("\n")[0]
