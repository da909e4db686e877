"""Who works with the event network."""

from collections.abc import Mapping
from typing import Final

ROLES: Final[Mapping[str, frozenset[str]]] = {
    "event_organiser": frozenset({"event_network:read"}),
    "event_manager": frozenset(
        {
            "event_network:*",
            "events:*",
            "network:*",
            "devices:configure",
            "devices:lend",
            "alarms:acknowledge",
            "alarms:shelve",
        }
    ),
}
