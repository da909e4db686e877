"""When rollups are due and how long one slice of housekeeping may take."""

import time
from collections.abc import Mapping
from typing import Final

from application.telemetry.rollup import floor_to, reach_us
from devices.kind import DeviceKind, KindLimits
from devices.time_us import DAY_US, HOUR_US, MINUTE_US

SLICE_S: Final = 0.25
SETTLE_US: Final = 5 * MINUTE_US
"""An hour is rolled up this long after its end; until then readers take its raw samples."""


class WorkSlice:
    """A bounded piece of work on a thread that has others to do."""

    def __init__(self, seconds: float = SLICE_S) -> None:
        self._end = time.monotonic() + seconds

    def over(self) -> bool:
        """True when it is time to let others work."""
        return time.monotonic() >= self._end


class SampleReaches:
    """How far back a sample of a kind speaks, by the kind's usual reporting interval."""

    def __init__(self, catalog: Mapping[str, DeviceKind]) -> None:
        self._reaches = {name: reach_us(kind.limits.reporting_interval_s) for name, kind in catalog.items()}

    def __call__(self, kind: str) -> int:
        """Microseconds."""
        return self._reaches[kind]


def due_before(now_us: int) -> int:
    """Hours that begin before this have ended and settled."""
    return floor_to(now_us - SETTLE_US, HOUR_US)


def raw_since(limits: KindLimits, now_us: int) -> int:
    """Raw samples before this are dropped; a full hour, so that no hour is ever rolled up again from a part of it."""
    return floor_to(now_us - limits.raw_retention_days * DAY_US, HOUR_US)


def rollups_since(limits: KindLimits, now_us: int) -> int:
    """Rollups before this are dropped."""
    return floor_to(now_us - limits.rollup_retention_days * DAY_US, HOUR_US)


def series_per_slice(limits: KindLimits) -> int:
    """How many series' hours make up about 1,500 samples."""
    return max(1, min(100, round(1_500 * limits.reporting_interval_s / 3600)))
