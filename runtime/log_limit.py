"""Keeps a fault that repeats from filling the disk: the same line over and over is left out of the log and counted."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

BURST: Final = 200
PER_S: Final = 2.0
_KINDS: Final = 1000
"""Kinds of lines that are remembered."""
_KEY_CHARACTERS: Final = 60


@dataclass(slots=True)
class _Kind:
    """How many lines of it may still come, as of `at`, and how many were left out since the last that came."""

    left: float
    at: float
    left_out: int = 0


class LogLimit(logging.Filter):
    """By logger and first words: a burst, then two lines a second; the next one says how many were left out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: OrderedDict[tuple[str, str], _Kind] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether it is written."""
        now = self._clock()
        words = str(record.msg.get("event", "") if isinstance(record.msg, dict) else record.msg)
        key = (record.name, words.partition("\n")[0][:_KEY_CHARACTERS])
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = _Kind(BURST, now)
            if len(self._kinds) > _KINDS:
                self._kinds.popitem(last=False)
        self._kinds.move_to_end(key)
        kind.left, kind.at = min(BURST, kind.left + PER_S * (now - kind.at)), now
        if kind.left < 1:
            kind.left_out += 1
            return False
        kind.left -= 1
        if kind.left_out:
            _say(record, kind.left_out)
            kind.left_out = 0
        return True


def _say(record: logging.LogRecord, left_out: int) -> None:
    if isinstance(record.msg, dict):
        record.msg = {**record.msg, "left_out": left_out}
    else:
        record.msg = f"{record.msg} ({left_out} like it were left out)"
