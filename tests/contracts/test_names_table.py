"""The tables of names in docs/reference/names/ say what the models say, and keep what people wrote around them."""

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from devices.fields import FieldUnit, Percent
from devices.kind import DeviceKind
from devices.kind_catalog import discover_kinds
from devices.messages import StateMessage, TelemetryMessage
from runtime.reference_docs import names
from runtime.reference_docs.__main__ import NAMES

ROOT = Path(__file__).resolve().parents[2]
KINDS = [kind for kind in discover_kinds().values() if not kind.internal]


class Cell(BaseModel):
    voltage_v: Annotated[float, FieldUnit("V", ("MAVLink BATTERY_STATUS.voltages mV", "DALI part 1"))] | None = None


class ToyTelemetry(TelemetryMessage):
    charge_pct: Annotated[Percent, Field(ge=0), FieldUnit("%", ("DJI capacity_percent", "DJI: none"))] | None = None
    cells: list[Cell] | None = None
    mood: str | None = None


TOY = DeviceKind(name="toy", title="Toy", telemetry=ToyTelemetry, state=StateMessage)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_page_of_each_kind_is_current(kind: DeviceKind) -> None:
    page = names.page_path(ROOT / NAMES, kind)
    assert page.exists(), f"make {page} with: python -m runtime.reference_docs"
    before = page.read_text()
    assert names.names_page(kind, before) == before, (
        f"{page} is stale; write it anew with: python -m runtime.reference_docs"
    )


def test_the_pages_name_each_of_the_six_standards() -> None:
    heads = {line for kind in KINDS for line in names.names_table(kind).splitlines() if line.startswith("| our field")}
    assert {family for family in names.FAMILIES if any(f" {family} " in head for head in heads)} == set(names.FAMILIES)


def test_no_page_is_left_of_a_kind_that_is_gone() -> None:
    assert {page.stem for page in (ROOT / NAMES).glob("*.md")} == {kind.name for kind in KINDS}


def test_a_row_per_field_nested_ones_too_and_a_column_per_known_family() -> None:
    assert names.names_table(TOY).splitlines() == [
        "| our field | where | unit | MAVLink | DJI | other |",
        "| --- | --- | --- | --- | --- | --- |",
        "| `charge_pct` | telemetry | % | – | `capacity_percent`, none | – |",
        "| `cells[].voltage_v` | telemetry | V | BATTERY_STATUS.voltages mV | – | DALI part 1 |",
        "| `mood` | telemetry | – | – | – | – |",
    ]


def test_what_people_wrote_stays_when_the_table_is_made_anew() -> None:
    first = names.names_page(TOY)
    written = first.replace("# Names: toy", "# The toy").replace("`mood`", "`humour`") + "\nA remark.\n"
    again = names.names_page(TOY, written)
    assert again == first.replace("# Names: toy", "# The toy") + "\nA remark.\n"
