"""Finds the lines that InfluxDB will never take, and stores all others."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from storage.telemetry.influx_http import LinesRefusedError

LINES_PER_REQUEST: Final = 5_000
_DROPPED: Final = re.compile(r"partial write: .* dropped=(\d+)", re.DOTALL)


def store_lines(post: Callable[[Sequence[str]], None], lines: Sequence[str]) -> dict[int, str]:
    """Post all lines, halving refused requests until each line is stored or refused alone; returns position and reason.

    Where the server says that it dropped as many points as the request had lines, no halving is needed.
    """
    refused: dict[int, str] = {}
    waiting = [(start, min(start + LINES_PER_REQUEST, len(lines))) for start in range(0, len(lines), LINES_PER_REQUEST)]
    while waiting:
        start, stop = waiting.pop()
        try:
            post(lines[start:stop])
        except LinesRefusedError as error:
            if stop - start == 1 or _all_dropped(error.reason, stop - start):
                refused |= dict.fromkeys(range(start, stop), error.reason)
            else:
                middle = (start + stop) // 2
                waiting += [(start, middle), (middle, stop)]
    return refused


def _all_dropped(reason: str, lines: int) -> bool:
    found = _DROPPED.search(reason)
    return found is not None and int(found[1]) == lines
