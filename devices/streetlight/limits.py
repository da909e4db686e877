"""Numbers of streetlights."""

from typing import Final

from devices.kind import KindLimits

LIMITS: Final = KindLimits(reporting_interval_s=60)
