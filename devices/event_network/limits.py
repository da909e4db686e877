"""Numbers of the event network."""

from typing import Final

from devices.kind import KindLimits

LIMITS: Final = KindLimits(clock_ahead_s=60, raw_retention_days=40, rollup_retention_days=1100, reporting_interval_s=10)
