"""Who works with the brigade's drones; nobody else sees them, and who leads gives the roles."""

from collections.abc import Mapping
from typing import Final

ROLES: Final[Mapping[str, frozenset[str]]] = {
    "drone_pilot": frozenset({"fire_drone:read", "fire_drone:command", "fire_drone:complete"}),
    "drone_leader": frozenset(
        {"fire_drone:*", "alarms:acknowledge", "alarms:shelve", "notifications:admin", "users:admin", "audit:read"}
    ),
    "drone_auditor": frozenset({"fire_drone:read", "audit:read"}),
}
