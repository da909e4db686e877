"""The page of names says what the models say."""

import re
from pathlib import Path
from typing import Any

from devices.event_network import KIND
from devices.fields import Unit

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "names" / "event_network.md"


def units(annotation: Any) -> list[Unit]:
    found = [m for m in getattr(annotation, "__metadata__", ()) if isinstance(m, Unit)]
    for inner in getattr(annotation, "__args__", ()):
        found += units(inner)
    return found


def test_every_field_stands_on_the_page_with_its_unit_and_its_standard_names() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", PAGE.read_text(), re.MULTILINE)
    expected = []
    for name, field in KIND.telemetry.model_fields.items():
        if name not in KIND.telemetry.HEAD:
            unit = max(units(field.annotation), key=lambda u: len(u.standards), default=Unit(""))
            expected.append((name, unit.symbol or "–", ", ".join(unit.standards) or "–"))
    assert rows == expected
