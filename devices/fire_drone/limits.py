"""Numbers of the fire brigade's drones."""

from typing import Final

from devices.kind import KindLimits

LIMITS: Final = KindLimits(reporting_interval_s=10, raw_retention_days=400, rollup_retention_days=1100)
