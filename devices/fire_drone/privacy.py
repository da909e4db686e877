"""What the flight book keeps of people, and for how long."""

from collections.abc import Mapping
from typing import Final

from devices.kind import RetentionClass

PURPOSE: Final[Mapping[str, str]] = {
    "de": "Flüge der Feuerwehr: Ort, Höhe und Zustand der Drohne; sie zeigen, wo Einsätze waren.",
    "en": "The fire brigade's flights: place, height and state of the drone; they tell where missions took place.",
}
KEPT: Final = (
    RetentionClass(
        "flights",
        3660,
        400,
        7320,
        {
            "de": "Flugbuch der Feuerwehr mit Beteiligten: Nachweis der Flüge und der Einsätze.",
            "en": "The fire brigade's flight book with those involved: proof of flights and of the mission.",
        },
    ),
)
