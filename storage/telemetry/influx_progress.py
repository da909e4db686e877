"""How far a kind's rollups have come, kept in its rollup bucket, so that readers elsewhere know what to read raw."""

from collections.abc import Mapping
from typing import Final

from application.telemetry.rollup import floor_to
from devices.kind import DeviceKind
from devices.time_us import DAY_US, HOUR_US
from storage.telemetry.clock import wall_clock_us
from storage.telemetry.influx_buckets import rollup_bucket
from storage.telemetry.influx_flux import FluxRange, newest_of
from storage.telemetry.influx_http import InfluxHttp

MEASUREMENT: Final = "rollups.progress"
_FIELD: Final = "through_us"


class RollupProgress:
    """Tells or asks: all hours before `through` are rolled up, but for late samples of the last moments."""

    def __init__(self, http: InfluxHttp, prefix: str, catalog: Mapping[str, DeviceKind]) -> None:
        self._http = http
        self._prefix = prefix
        self._catalog = catalog
        self._told: dict[str, int] = {}

    def tell(self, kind: str, through_us: int) -> None:
        """Write it down where it changed. Raises StoreUnavailable."""
        if self._told.get(kind) != through_us:
            line = f"{MEASUREMENT} {_FIELD}={through_us}i {floor_to(wall_clock_us(), HOUR_US)}"
            self._http.write(rollup_bucket(self._prefix, kind), [line])
            self._told[kind] = through_us

    def tell_no_later_than(self, kind: str, hour_us: int) -> None:
        """Take it back to this hour, if it is further or not known here. Raises StoreUnavailable."""
        through_us = self._told.get(kind)
        if through_us is None:
            through_us = self.through(kind)
        if through_us is None or through_us > hour_us:
            self.tell(kind, hour_us)
        else:
            self._told[kind] = through_us

    def through(self, kind: str) -> int | None:
        """As last told by the writer; None when it never was. Raises StoreUnavailable."""
        now_us = wall_clock_us()
        since_us = now_us - self._catalog[kind].limits.rollup_retention_days * DAY_US
        where = FluxRange(rollup_bucket(self._prefix, kind), since_us, now_us + HOUR_US)
        found = [
            int(row[table.place["_value"]]) for table, row in self._http.query(*newest_of(where, MEASUREMENT, _FIELD))
        ]
        return found[0] if found else None
