"""Crowd and true traffic: how many octets each object has carried by any instant, as a function of time alone."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from zlib import crc32
from zoneinfo import ZoneInfo

from devices.time_us import SECOND_US
from simulators.kinds.event_network.scene import MeasuredPart, NetworkScene

SLOT_US: Final = 10 * SECOND_US
"""Rates are constant within a slot."""
ZONE: Final = ZoneInfo("Europe/Berlin")
FULLEST: Final = 0.97
"""Share of the line that is used at most."""
_HOURLY: Final = (
    *(0.10, 0.04, 0.02, 0.01, 0.01, 0.01, 0.02, 0.03, 0.06, 0.12, 0.22, 0.34),
    *(0.45, 0.48, 0.46, 0.44, 0.46, 0.52, 0.64, 0.82, 1.00, 0.97, 0.70, 0.32),
)


def crowd_share(at_us: int) -> float:
    """Share of the fullest crowd, 0 to 1, by the local time of day; fullest at eight in the evening."""
    moment = datetime.fromtimestamp(at_us / SECOND_US, UTC).astimezone(ZONE)
    hour, part = moment.hour, moment.minute / 60 + moment.second / 3600
    return _HOURLY[hour] + (_HOURLY[(hour + 1) % 24] - _HOURLY[hour]) * part


def repeatable_chance(*of: object) -> float:
    """Repeatable number in [0, 1) for anything that has a text."""
    return crc32("/".join(map(str, of)).encode()) / 2**32


@dataclass(slots=True)
class _Sum:
    slot: int
    before: int
    """Octets up to the begin of the slot."""
    rate_bps: int


@dataclass(slots=True)
class SceneTraffic:
    """True traffic of the scene; every node may ask for its own objects at its own times, not going back."""

    scene: NetworkScene
    seed: int
    begin_us: int = 0
    limits: dict[tuple[str, str], int] = field(default_factory=dict)
    """Bandwidth profiles in force, by (object id, direction)."""
    _sums: dict[tuple[str, str], _Sum] = field(default_factory=dict)
    _leaves: dict[str, tuple[MeasuredPart, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find out what is below each object."""
        parts = self.scene.parts()
        for object_id in parts:
            below = (p for p in parts.values() if p.load and object_id in _upwards(p, parts))
            self._leaves[object_id] = tuple(below)

    def begin(self, now_us: int) -> None:
        """Begin with the first node that starts."""
        self.begin_us = self.begin_us or now_us

    def octets(self, part: MeasuredPart, direction: str, at_us: int) -> int:
        """Octets in the users' direction (`down`, `up`) since the scene began."""
        return sum(self._leaf(leaf, direction, at_us, part.object_id) for leaf in self._leaves[part.object_id])

    def peak_bps(self, part: MeasuredPart, direction: str, at_us: int) -> int:
        """Highest second of the last slot."""
        slot = (at_us - 1) // SLOT_US
        mean = sum(self._rate(leaf, direction, slot) for leaf in self._leaves[part.object_id])
        burst = 1.05 + 0.5 * repeatable_chance(self.seed, part.object_id, direction, slot, "burst")
        return min(round(mean * burst), part.speed_bps)

    def _leaf(self, leaf: MeasuredPart, direction: str, at_us: int, asker: str) -> int:
        """Octets of one leaf; each asker has a sum of its own, since nodes ask at their own times."""
        key = (f"{asker}/{leaf.object_id}", direction)
        known = self._sums.get(key)
        if known is None:
            slot = self.begin_us // SLOT_US
            known = self._sums[key] = _Sum(slot, -self._within(leaf, direction, slot, self.begin_us), 0)
            known.rate_bps = self._rate(leaf, direction, slot)
        while (known.slot + 1) * SLOT_US <= at_us:
            known.before += known.rate_bps * SLOT_US // (8 * SECOND_US)
            known.slot += 1
            known.rate_bps = self._rate(leaf, direction, known.slot)
        return known.before + known.rate_bps * (at_us - known.slot * SLOT_US) // (8 * SECOND_US)

    def _within(self, leaf: MeasuredPart, direction: str, slot: int, at_us: int) -> int:
        return self._rate(leaf, direction, slot) * (at_us - slot * SLOT_US) // (8 * SECOND_US)

    def _rate(self, leaf: MeasuredPart, direction: str, slot: int) -> int:
        """Rate of a slot in bit/s."""
        load = leaf.load
        if load is None:
            return 0
        most = load.down_bps if direction == "down" else load.up_bps
        noise = 0.75 + 0.5 * repeatable_chance(self.seed, leaf.object_id, direction, slot)
        wave = 1 + 0.15 * math.sin(slot / 29 + len(leaf.object_id))
        share = 1.0 if load.steady else crowd_share(slot * SLOT_US)
        limit = self.limits.get((leaf.object_id, direction), leaf.speed_bps)
        return round(min(most * share * noise * wave, FULLEST * min(limit, leaf.speed_bps)))

    def users(self, part: MeasuredPart, at_us: int) -> int | None:
        """Devices in the radio cell."""
        if not part.load or not part.load.users:
            return None
        slot = at_us // (6 * SLOT_US)
        return round(
            part.load.users
            * crowd_share(at_us)
            * (0.9 + 0.2 * repeatable_chance(self.seed, part.object_id, slot, "users"))
        )


def _upwards(part: MeasuredPart, parts: Mapping[str, MeasuredPart]) -> set[str]:
    found: set[str] = set()
    at: MeasuredPart | None = part
    while at is not None:
        found.add(at.object_id)
        at = parts.get(at.parent_id) if at.parent_id else None
    return found
