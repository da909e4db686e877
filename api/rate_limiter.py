"""Token buckets: how much of something each of many may take over time, with what may come at once."""

import math
import threading
from collections import OrderedDict
from typing import Final

MOST_REMEMBERED: Final = 20_000


class RateLimiter:
    """Thread-safe. Bounded: who was not heard of for longest is forgotten first, and begins anew."""

    def __init__(self, *, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, name: str, now_s: float) -> int:
        """Whole seconds until something is left; 0 when there is."""
        with self._lock:
            left = self._at(name, now_s)
        return 0 if left > 0 else math.floor(-left / self._per_s) + 1

    def charge(self, name: str, cost: float, now_s: float) -> None:
        """Take what was used, be it more than was left."""
        with self._lock:
            self._charge(name, cost, now_s)

    def _charge(self, name: str, cost: float, now_s: float) -> None:
        self._left[name] = (self._at(name, now_s) - cost, now_s)
        self._left.move_to_end(name)
        if len(self._left) > MOST_REMEMBERED:
            self._left.popitem(last=False)

    def take_permit(self, name: str, now_s: float) -> int:
        """Take one; returns whole seconds until the next may be taken, when none is left."""
        with self._lock:
            left = self._at(name, now_s)
            if left < 1:
                return max(1, math.ceil((1 - left) / self._per_s))
            self._charge(name, 1, now_s)
        return 0

    def _at(self, name: str, now_s: float) -> float:
        left, since_s = self._left.get(name, (self._burst, now_s))
        return min(self._burst, left + (now_s - since_s) * self._per_s)
