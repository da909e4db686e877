"""Passes on their way from the effects cursor to the store cursor, in memory and bounded; the journal has the rest."""

from collections import deque
from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple

from devices.samples import Sample


class StoreParcel(NamedTuple):
    """Samples of a pass and how many messages of each kind they came in."""

    first: int
    last: int
    samples: Sequence[Sample]
    messages: dict[str, int]


class StoreQueue:
    """One per lane; effects puts, store takes. What does not fit is read again from the journal."""

    def __init__(self, bound_samples: int = 12_000) -> None:
        self._bound = bound_samples
        self._parcels: deque[StoreParcel] = deque()
        self._held = 0
        self._away = False
        self._lock = Lock()
        self.through = 0
        """Newest batch that effects has done."""

    def put(self, parcel: StoreParcel) -> None:
        """Offer a pass; it is left out when the store is behind or away."""
        with self._lock:
            room = self._held + len(parcel.samples) <= self._bound or not self._parcels
            if room and not self._away:
                self._parcels.append(parcel)
                self._held += len(parcel.samples)
            self.through = max(self.through, parcel.last)

    def tell(self, *, away: bool) -> None:
        """The store is away: nothing is held, so that an outage needs no memory; or it is there again."""
        with self._lock:
            self._away = away
            if away:
                self._parcels.clear()
                self._held = 0

    def take_after(self, after: int) -> StoreParcel | None:
        """The pass that follows batch `after`, if it is here; older ones, also in part, are dropped."""
        with self._lock:
            while self._parcels and self._parcels[0].last <= after:
                self._held -= len(self._parcels.popleft().samples)
            while self._parcels and self._parcels[0].first <= after + 1:
                parcel = self._parcels.popleft()
                self._held -= len(parcel.samples)
                if parcel.first == after + 1:
                    return parcel
            return None
