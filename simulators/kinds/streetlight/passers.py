"""People on a path: who passes which lamp when. The same seed gives the same people."""

import math
import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from devices.time_us import HOUR_US, SECOND_US

PER_HOUR: Final = (4, 2, 1, 1, 1, 4, 14, 30, 26, 16, 14, 16, 20, 18, 18, 22, 30, 34, 28, 22, 18, 14, 10, 7)
"""People per hour by UTC hour: the way to the station in the morning and in the evening."""
WALK_M_S: Final = (0.9, 1.6)
RIDE_M_S: Final = (3.5, 6.5)
RIDERS: Final = 0.3


@dataclass(frozen=True, slots=True)
class Passer:
    """Enters one end at `at_us` and walks to the other."""

    at_us: int
    speed_m_s: float
    from_start: bool

    def passes_us(self, place_m: float, length_m: float) -> int:
        """When he is at a place of the path."""
        way_m = place_m if self.from_start else length_m - place_m
        return self.at_us + round(way_m / self.speed_m_s * SECOND_US)


@lru_cache(maxsize=64)
def passers_of_hour(seed: int, hour: int) -> tuple[Passer, ...]:
    """Everybody who enters in an hour, counted from 1970."""
    chance = random.Random(f"{seed}/passers/{hour}")
    people = _poisson(chance, PER_HOUR[hour % 24])
    return tuple(
        Passer(
            at_us=hour * HOUR_US + chance.randrange(HOUR_US),
            speed_m_s=chance.uniform(*(RIDE_M_S if chance.random() < RIDERS else WALK_M_S)),
            from_start=chance.random() < 0.5,
        )
        for _ in range(people)
    )


class MotionDetector:
    """A motion detector at one place, with the hold time and reach of following light."""

    def __init__(self, *, seed: int, place_m: float, length_m: float, reach_m: float, hold_s: float) -> None:
        self._seed, self._place_m, self._length_m = seed, place_m, length_m
        self._reach_m, self._hold_us = reach_m, round(hold_s * SECOND_US)
        self._hour = -1
        self._windows: list[tuple[int, int]] = []
        self._passed: list[int] = []

    def active(self, now_us: int) -> bool:
        """Somebody is near, or was within the hold time."""
        self._look(now_us)
        return any(begin <= now_us < end for begin, end in self._windows)

    def next_change_us(self, now_us: int) -> int:
        """When `active` may change next; at the latest with the hour."""
        self._look(now_us)
        edges = (edge for window in self._windows for edge in window if edge > now_us)
        return min(min(edges, default=2**63), (self._hour + 1) * HOUR_US)

    def counted(self, from_us: int, to_us: int) -> int:
        """People who passed in (from, to], at most since the hour before."""
        self._look(to_us)
        return sum(from_us < at_us <= to_us for at_us in self._passed)

    def _look(self, now_us: int) -> None:
        hour = now_us // HOUR_US
        if hour == self._hour:
            return
        self._hour = hour
        self._passed, self._windows = [], []
        for passer in (*passers_of_hour(self._seed, hour - 1), *passers_of_hour(self._seed, hour)):
            at_us = passer.passes_us(self._place_m, self._length_m)
            ahead_us = round(self._reach_m / passer.speed_m_s * SECOND_US)
            self._passed.append(at_us)
            self._windows.append((max(passer.at_us, at_us - ahead_us), at_us + self._hold_us))


def _poisson(chance: random.Random, mean: float) -> int:
    """Knuth's multiplication method."""
    bound, count, product = math.exp(-mean), 0, chance.random()
    while product > bound:
        count += 1
        product *= chance.random()
    return count
