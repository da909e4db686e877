"""What is told of visitors, and how long the books of events are kept."""

from collections.abc import Mapping
from typing import Final

from devices.kind import RetentionClass

PURPOSE: Final[Mapping[str, str]] = {
    "de": "Auslastung des Veranstaltungsnetzes; Geräte von Besuchern nur als Anzahl, unter 5 nur als „<5“.",
    "en": "Use of the event network; visitors' devices as counts only, under 5 as “<5” only.",
}
KEPT: Final = (
    RetentionClass(
        "events",
        1830,
        365,
        3660,
        {
            "de": "Veranstaltungen mit Buchungen und Verantwortlichen: Abrechnung und Bericht.",
            "en": "Events with bookings and those responsible: billing and report.",
        },
    ),
)
COUNTS_APART: Final = frozenset({"wifi_clients_2g4", "wifi_clients_5g", "wifi_clients_6g"})
"""Clients by band: parts of `wifi_clients`."""
COUNTS_PEOPLE: Final = COUNTS_APART | {"wifi_clients", "dhcp_leases_used"}
