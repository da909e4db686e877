"""Tables of our names against those of standards and makers, one page per kind; the words around them are people's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from devices.fields import FieldUnit
from devices.kind import DeviceKind
from devices.messages import CommandBody, ConfigMessage, EventMessage, InfoMessage, StateMessage, TelemetryMessage
from runtime.reference_docs.fields import described_fields

FAMILIES: Final = ("TALQ", "uCIFI", "MAVLink", "DJI", "IF-MIB", "OpenConfig")
BEGIN: Final = "<!-- the table is made by: python -m runtime.reference_docs -->"
END: Final = "<!-- end of the table -->"
NONE: Final = "–"
Row = tuple[str, str, str, tuple[str, ...]]


def names_page(kind: DeviceKind, before: str = "") -> str:
    """The page of a kind with its table brought up to date; `before`: the page as it was, empty where there is none."""
    head, _, rest = before.partition(BEGIN)
    foot = rest.partition(END)[2]
    head = head or f"# Names: {kind.title.lower()}\n\nOur field names against those of standards and makers.\n\n"
    return f"{head}{BEGIN}\n\n{names_table(kind)}\n{END}{foot or chr(10)}"


def page_path(folder: Path, kind: DeviceKind) -> Path:
    """Where the page of a kind is."""
    return folder / f"{kind.name}.md"


def names_table(kind: DeviceKind) -> str:
    """One row per field; a column per family that knows any of them."""
    rows = list(dict.fromkeys(_rows(kind)))
    known = [family for family in FAMILIES if any(_named(row[3], family) for row in rows)]
    head = ("our field", "where", "unit", *known, "other")
    lines = [head, ("---",) * len(head)]
    for name, where, unit, standards in rows:
        foreign = (", ".join(_named(standards, family)) for family in known)
        lines.append((f"`{name}`", where, unit, *foreign, ", ".join(_others(standards))))
    return "".join(f"| {' | '.join(cell or NONE for cell in line)} |\n" for line in lines)


def _rows(kind: DeviceKind) -> Iterator[Row]:
    yield from _fields(kind.telemetry, TelemetryMessage, "telemetry")
    yield from _fields(kind.state, StateMessage, "state")
    yield from _fields(kind.info, InfoMessage, "info")
    for event in kind.events.values():
        yield from _fields(event, EventMessage, "event")
    for command in kind.commands:
        yield from _fields(command, CommandBody, f"cmd/{command.NAME}")
    yield from _fields(kind.config, ConfigMessage, "config")


def _fields(model: type[BaseModel], base: type[BaseModel], where: str, prefix: str = "") -> Iterator[Row]:
    for field in described_fields(model):
        if field.name in base.model_fields:
            continue
        path = f"{prefix}{field.name}"
        unit = field.unit or FieldUnit("")
        if unit.standards or not field.models:
            yield path, where, unit.symbol, unit.standards
        for inner in field.models:
            yield from _fields(inner, BaseModel, where, f"{path}{'[]' if field.many else ''}.")


def _named(standards: tuple[str, ...], family: str) -> list[str]:
    """Names in one family; what holds a space is a name with its unit or a remark, and no code."""
    found = (s.removeprefix(family).strip(" :") for s in standards if s.startswith(family))
    return [name if " " in name or name == "none" else f"`{name}`" for name in found]


def _others(standards: tuple[str, ...]) -> list[str]:
    return [s for s in standards if not s.startswith(FAMILIES)]
