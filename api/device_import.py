"""A fleet from a spreadsheet: CSV read, every line checked, all registered or none."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from api.asset_registration import AssetRegistration
from api.problems import FieldError, SeveralInvalid
from application.inventory.asset_registrar import AssetRegistrar
from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from application.ports.registry import RegistryTransaction
from devices.errors import Invalid

MOST_LINES: Final = 10_000
UNAVAILABLE: Final = "is not available: choose another"
"""Whatever has it: see `IdUnavailable`."""
_MOST_ERRORS: Final = 200
_COLUMNS: Final = ("id", "tenant_id", "kind", "name", "device_id", "lat", "lon", "via")
_NUMBERS: Final = frozenset({"lat", "lon"})
_ATTRIBUTE: Final = "attribute."
_DECIMAL: Final = re.compile(r"-?\d{1,15}\.\d{1,15}", re.ASCII)


class LineError(BaseModel):
    """What is wrong in a line; the header is line 1."""

    line: int
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class ImportLine:
    """A line that is well formed."""

    number: int
    wanted: AssetRegistration


def read_import(content: bytes) -> tuple[list[ImportLine], list[LineError]]:
    """Read CSV (UTF-8, comma or semicolon) into registrations and errors. Raises Invalid for what is no table."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("must be UTF-8", field="body") from error
    header = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if header.count(";") > header.count(",") else ",")
    try:
        columns = _columns(next(rows, []))
        return _lines(columns, rows)
    except csv.Error as error:
        raise Invalid(f"is no CSV: {error}", field="body") from error


def check_import(tx: RegistryTransaction, registrar: AssetRegistrar, lines: Sequence[ImportLine]) -> list[LineError]:
    """Return what the registry has against these lines."""
    errors: list[LineError] = []
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
            errors.append(_error(line, error.field or "attributes", error.detail))
        if wanted.id is not None and wanted.id in in_file:
            errors.append(_error(line, "id", f"stands in line {in_file[wanted.id].number} too"))
        if wanted.device_id is not None and wanted.device_id in devices:
            errors.append(_error(line, "device_id", "stands in an earlier line too"))
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


def import_error(errors: Sequence[LineError]) -> SeveralInvalid:
    """Return the error that names the lines, at most 200."""
    shown = [FieldError(field=f"line {e.line}.{e.field}", message=e.message) for e in errors[:_MOST_ERRORS]]
    return SeveralInvalid(shown, f"{len(errors)} errors, nothing was registered")


def _columns(header: Sequence[str]) -> Sequence[str]:
    columns = [name.strip().lower() for name in header]
    bad = [c for c in columns if c not in _COLUMNS and not c.startswith(_ATTRIBUTE)]
    if bad or len(set(columns)) != len(columns) or not {"kind", "name"} <= set(columns):
        allowed = ", ".join((*_COLUMNS, f"{_ATTRIBUTE}…"))
        raise Invalid(f"the first line names the columns: kind and name, each once, of {allowed}", field="line 1")
    return columns


def _lines(columns: Sequence[str], rows: Iterator[Sequence[str]]) -> tuple[list[ImportLine], list[LineError]]:
    lines: list[ImportLine] = []
    errors: list[LineError] = []
    for number, row in enumerate(rows, 2):
        if not any(cell.strip() for cell in row):
            continue
        if number > MOST_LINES + 1:
            raise Invalid(f"at most {MOST_LINES} lines at once", field="body")
        if len(row) != len(columns):
            errors.append(LineError(line=number, field="line", message=f"has {len(row)} cells, not {len(columns)}"))
            continue
        try:
            lines.append(
                ImportLine(number, AssetRegistration.model_validate(_values(dict(zip(columns, row, strict=True)))))
            )
        except ValidationError as error:
            errors += [
                LineError(line=number, field=".".join(map(str, e["loc"])), message=e["msg"])
                for e in error.errors(include_url=False)
            ]
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
) -> Iterator[LineError]:
    wanted = line.wanted
    try:
        owner = registrar.owner(wanted.new_asset())
    except Invalid as error:
        yield _error(line, error.field or "line", error.detail)
        return
    if wanted.id in known:
        yield _error(line, "id", UNAVAILABLE)
    if wanted.via is not None and owners.get(wanted.via) != owner:
        yield _error(line, "via", "is no asset of this tenant, registered or in an earlier line")
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


def _error(line: ImportLine, field: str, message: str) -> LineError:
    return LineError(line=line.number, field=field, message=message)
