"""Which recorded flight a newly computed one is: the id stays when late data move its ends."""

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from devices.fire_drone.flights.flight import DetectedFlight

K = TypeVar("K", bound=Hashable)


def flight_id(asset_id: str, flight: DetectedFlight, attempt: int = 0) -> str:
    """Id of a flight recorded for the first time; another `attempt` when an older flight has taken it."""
    text = f"{asset_id}|{flight.boot_id or ''}|{flight.takeoff_us}|{attempt}"
    return "f" + hashlib.sha256(text.encode()).hexdigest()[:20]


def same_flights(recorded: Mapping[K, DetectedFlight], computed: Sequence[DetectedFlight]) -> dict[int, K]:
    """Key of the recorded flight by index of the computed one: most time in common first, each used once."""
    pairs = [
        (-_common_us(old, new), old.takeoff_us, index, key)
        for key, old in recorded.items()
        for index, new in enumerate(computed)
        if _common_us(old, new) > 0
    ]
    found: dict[int, K] = {}
    for _, _, index, key in sorted(pairs, key=lambda pair: pair[:3]):
        if index not in found and key not in found.values():
            found[index] = key
    return found


def _common_us(one: DetectedFlight, other: DetectedFlight) -> int:
    return min(one.end_us, other.end_us) - max(one.takeoff_us, other.takeoff_us) + 1
