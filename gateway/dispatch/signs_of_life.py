"""Who was heard of, from the effects cursor to those who have something for a device that listens."""

import threading
from collections.abc import Mapping
from typing import Final

MOST: Final = 200_000
"""Assets that a listener which does not look keeps; what finds no room is counted, and the next sign of life does."""


class LifeSignListener:
    """Assets heard of since the last look; filled by one thread, looked at by another."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._heard: dict[str, int] = {}
        self.dropped = 0

    def note(self, heard: Mapping[str, int]) -> None:
        """Take in instants of receipt (µs) by asset."""
        with self._lock:
            for asset_id, at_us in heard.items():
                if asset_id in self._heard or len(self._heard) < self._most:
                    self._heard[asset_id] = max(at_us, self._heard.get(asset_id, 0))
                else:
                    self.dropped += 1

    def drain(self) -> dict[str, int]:
        """Give out what was noted, and forget it."""
        with self._lock:
            heard, self._heard = self._heard, {}
        return heard


class SignsOfLife:
    """Tells all listeners; each has its own pace."""

    def __init__(self) -> None:
        self._listeners: list[LifeSignListener] = []

    def listener(self) -> LifeSignListener:
        """One more; called while all is put together."""
        made = LifeSignListener()
        self._listeners.append(made)
        return made

    def note(self, heard: Mapping[str, int]) -> None:
        """Tell that these assets' devices were heard: any message of theirs but the last will."""
        for listener in self._listeners:
            listener.note(heard)
