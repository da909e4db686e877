"""What is told of people around lamps."""

from collections.abc import Mapping
from typing import Final

PURPOSE: Final[Mapping[str, str]] = {
    "de": "Betrieb der Beleuchtung: Leistung, Zustand und Störungen von Leuchten; Passanten nur gezählt.",
    "en": "Operation of lighting: power, state and faults of lamps; passers-by are only counted.",
}
COUNTS_PEOPLE: Final = frozenset({"road_users"})
