"""A fleet from a spreadsheet: CSV read, every line checked, all registered or none."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import BaseModel, JsonValue, ValidationError

from api.asset_registration import AssetRegistration
from api.problems import field_error
from application.inventory.asset_registrar import AssetRegistrar
from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from application.ports.registry import RegistryTransaction
from devices.errors import Invalid
from devices.wording.catalogue import CodedText, Language
from devices.wording.validation import FieldProblem, SeveralInvalid, validation_problem

MOST_LINES: Final = 10_000
UNAVAILABLE: Final = CodedText("line_not_available")
"""Whatever has it: see `IdUnavailable`."""
_MOST_ERRORS: Final = 200
_COLUMNS: Final = ("id", "tenant_id", "kind", "name", "device_id", "lat", "lon", "via")
_NUMBERS: Final = frozenset({"lat", "lon"})
_ATTRIBUTE: Final = "attribute."
_DECIMAL: Final = re.compile(r"-?\d{1,15}\.\d{1,15}", re.ASCII)


class LineError(BaseModel):
    """What is wrong in a line; the header is line 1. `code` and `params` say the same as `message` to programs."""

    line: int
    field: str
    code: str
    params: dict[str, JsonValue]
    message: str


@dataclass(frozen=True, slots=True)
class LineProblem:
    """What is wrong in a line."""

    line: int
    problem: FieldProblem

    def schema(self, language: Language) -> LineError:
        """As it is answered."""
        return LineError(line=self.line, **field_error(self.problem, language).model_dump())


@dataclass(frozen=True, slots=True)
class ImportLine:
    """A line that is well formed."""

    number: int
    wanted: AssetRegistration


def read_import(content: bytes) -> tuple[list[ImportLine], list[LineProblem]]:
    """Read CSV (UTF-8, comma or semicolon) into registrations and errors. Raises Invalid for what is no table."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("not_utf8", field="body") from error
    header = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if header.count(";") > header.count(",") else ",")
    try:
        columns = _columns(next(rows, []))
        return _lines(columns, rows)
    except csv.Error as error:
        raise Invalid("no_csv", why=str(error), field="body") from error


def check_import(tx: RegistryTransaction, registrar: AssetRegistrar, lines: Sequence[ImportLine]) -> list[LineProblem]:
    """Return what the registry has against these lines."""
    errors: list[LineProblem] = []
    inventory = tx.get(AssetRepository)
    in_file: dict[str, ImportLine] = {}
    devices: set[str] = set()
    ids = [i for line in lines for i in (line.wanted.id, line.wanted.via) if i]
    known = inventory.many(ids)
    bound = inventory.bindings_of_devices([line.wanted.device_id for line in lines if line.wanted.device_id])
    waiting = _waiting(inventory)
    owners = {i: a.tenant_id for i, a in known.items() if registrar.actor.may(f"{a.kind}:read")}
    for line in lines:
        wanted = line.wanted
        errors += _against(registrar, line, known, waiting, owners)
        try:
            registrar.check_nameless(wanted.kind, wanted.attributes)
        except Invalid as error:
            errors.append(_error(line, error.field or "attributes", error.reason))
        if wanted.id is not None and wanted.id in in_file:
            errors.append(_error(line, "id", CodedText("line_twice", {"line": in_file[wanted.id].number})))
        if wanted.device_id is not None and wanted.device_id in devices:
            errors.append(_error(line, "device_id", CodedText("line_twice_earlier")))
        elif wanted.device_id is not None and wanted.device_id in bound:
            errors.append(_error(line, "device_id", UNAVAILABLE))
        in_file.setdefault(wanted.id or "", line)
        devices.add(wanted.device_id or "")
    return errors


def register_import(tx: RegistryTransaction, registrar: AssetRegistrar, lines: Sequence[ImportLine]) -> Sequence[Asset]:
    """Register all checked lines at once. Raises Conflict when another did so meanwhile."""
    assets = [registrar.asset(line.wanted.new_asset()) for line in lines]
    bindings = [
        DeviceBinding(asset.asset_id, line.wanted.device_id, asset.tenant_id, asset.kind, registrar.now_us)
        for asset, line in zip(assets, lines, strict=True)
        if line.wanted.device_id is not None
    ]
    tx.get(AssetRepository).add_many(assets, bindings)
    return assets


def import_error(errors: Sequence[LineProblem]) -> SeveralInvalid:
    """Return the error that names the lines, at most 200."""
    shown = [replace(e.problem, field=f"line {e.line}.{e.problem.field}") for e in errors[:_MOST_ERRORS]]
    return SeveralInvalid(shown, "import_refused", count=len(errors))


def _columns(header: Sequence[str]) -> Sequence[str]:
    columns = [name.strip().lower() for name in header]
    bad = [c for c in columns if c not in _COLUMNS and not c.startswith(_ATTRIBUTE)]
    if bad or len(set(columns)) != len(columns) or not {"kind", "name"} <= set(columns):
        allowed = [*_COLUMNS, f"{_ATTRIBUTE}…"]
        raise Invalid("import_columns", allowed=allowed, field="line 1")
    return columns


def _lines(columns: Sequence[str], rows: Iterator[Sequence[str]]) -> tuple[list[ImportLine], list[LineProblem]]:
    lines: list[ImportLine] = []
    errors: list[LineProblem] = []
    for number, row in enumerate(rows, 2):
        if not any(cell.strip() for cell in row):
            continue
        if number > MOST_LINES + 1:
            raise Invalid("too_many_lines", most=MOST_LINES, field="body")
        if len(row) != len(columns):
            cells = CodedText("line_cells", {"cells": len(row), "columns": len(columns)})
            errors.append(LineProblem(number, FieldProblem("line", cells)))
            continue
        try:
            lines.append(
                ImportLine(number, AssetRegistration.model_validate(_values(dict(zip(columns, row, strict=True)))))
            )
        except ValidationError as error:
            errors += [LineProblem(number, validation_problem(e, e["loc"])) for e in error.errors(include_url=False)]
    return lines, errors


def _values(cells: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    for column, cell in cells.items():
        text = cell.strip()
        if not text:
            continue
        if column.startswith(_ATTRIBUTE):
            attributes[column.removeprefix(_ATTRIBUTE)] = _scalar(text)
        else:
            values[column] = _number(text) if column in _NUMBERS else text
    return values | {"attributes": attributes}


def _number(text: str) -> float | str:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return text


def _scalar(text: str) -> float | int | bool | str:
    if text in {"true", "false"}:
        return text == "true"
    if text.isascii() and text.isdigit() and len(text) < 16 and (text == "0" or text[0] != "0"):
        return int(text)
    return _number(text) if _DECIMAL.fullmatch(text) else text


def _against(
    registrar: AssetRegistrar,
    line: ImportLine,
    known: Mapping[str, Asset],
    waiting: Mapping[str, tuple[str, str]],
    owners: dict[str, str],
) -> Iterator[LineProblem]:
    wanted = line.wanted
    try:
        owner = registrar.owner(wanted.new_asset())
    except Invalid as error:
        yield _error(line, error.field or "line", error.reason)
        return
    if wanted.id in known:
        yield _error(line, "id", UNAVAILABLE)
    if wanted.via is not None and owners.get(wanted.via) != owner:
        yield _error(line, "via", CodedText("line_no_asset"))
    if wanted.device_id is not None and waiting.get(wanted.device_id, (owner, wanted.kind)) != (owner, wanted.kind):
        yield _error(line, "device_id", UNAVAILABLE)
    owners.setdefault(wanted.id or "", owner)


def _waiting(inventory: AssetRepository) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    cursor = None
    while True:
        page = inventory.unknown(500, cursor)
        found.update((u.device_id, (u.tenant_id, u.kind)) for u in page.items)
        cursor = page.next_cursor
        if cursor is None:
            return found


def _error(line: ImportLine, field: str, reason: CodedText) -> LineProblem:
    return LineProblem(line.number, FieldProblem(field, reason))
