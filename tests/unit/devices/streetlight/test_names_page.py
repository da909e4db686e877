"""The page of names is what the models say."""

from pathlib import Path

from devices.names import page
from devices.streetlight import KIND

PAGE = Path("docs/reference/names/streetlight.md")


def test_the_page_of_names_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(KIND)


def test_the_page_names_units_limits_and_standards() -> None:
    row = "| `voltage_v` | V | ≥ 0, ≤ 1000 | 0 … 280 | TALQ supplyVoltage; uCIFI 3418 Supply voltage |"
    assert row in page(KIND)
