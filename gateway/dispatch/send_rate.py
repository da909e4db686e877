"""A rate that may be used but not saved up."""

from devices.time_us import SECOND_US


class SendRate:
    """Allows so many per second, at most a fifth of a second's worth at once."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._most = max(1.0, per_s / 5)
        self._credit = self._most
        self._at_us: int | None = None

    def allow(self, wanted: int, now_us: int) -> int:
        """How many of the wanted may go now; they count as gone."""
        if self._at_us is not None:
            self._credit = min(self._most, self._credit + (now_us - self._at_us) / SECOND_US * self._per_s)
        self._at_us = now_us
        allowed = min(wanted, int(self._credit))
        self._credit -= allowed
        return allowed
