"""Who works with light."""

from collections.abc import Mapping
from typing import Final

ROLES: Final[Mapping[str, frozenset[str]]] = {
    "light_operator": frozenset(
        {"streetlight:*", "lights:*", "groups:write", "devices:configure", "alarms:acknowledge", "alarms:shelve"}
    ),
    "emergency": frozenset({"streetlight:read", "lights:dim"}),
}
