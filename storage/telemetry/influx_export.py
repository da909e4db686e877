"""Takes buckets out of InfluxDB as lines of protocol, newest first, with bounded memory; counts what they hold."""

import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from devices.errors import StoreUnavailable
from devices.time_us import DAY_US, MINUTE_US
from storage.telemetry.influx_flux import FluxRange
from storage.telemetry.influx_http import InfluxHttp
from storage.telemetry.influx_text import TextPoints

VALUES_HELD: Final = 100_000
VALUES_A_SLICE: Final = 400_000
NARROWEST_US: Final = MINUTE_US
WIDEST_US: Final = 30 * DAY_US
EARLIEST_US: Final = 0
"""1970: a bucket without end of retention is asked from here on."""
PAUSES_S: Final = (0.5, 3.0, 10.0)
TIMEOUT_S: Final = 120.0
_EVERYTHING: Final = """from(bucket: in_bucket)
  |> range(start: from_time, stop: to_time)
  |> drop(columns: ["_start", "_stop"])"""
_COUNT: Final = """from(bucket: in_bucket)
  |> range(start: from_time, stop: to_time)
  |> count()
  |> keep(columns: ["_value"])
  |> group()
  |> sum()"""
T = TypeVar("T")


class InfluxExport:
    """Reads whole buckets. Tries again when the server does not answer; then raises StoreUnavailable."""

    def __init__(self, *, url: str, org: str, token: str) -> None:
        self._http = InfluxHttp(url=url, org=org, token=token, timeout_s=TIMEOUT_S)

    def retention_s(self, bucket: str) -> int | None:
        """Retention of a bucket, 0 for ever; None when there is no such bucket. Asks once."""
        return self._http.retention_s(bucket)

    def lines(self, bucket: str, from_us: int, to_us: int) -> Iterator[tuple[list[str], int]]:
        """Lines of [from_us, to_us) in portions, each with how many values it holds; times in ns.

        The newest time comes first. A point may be told in two lines, each with some of its fields.
        """
        width_us, end_us = DAY_US, to_us
        while end_us > from_us:
            start_us = max(from_us, end_us - width_us)
            told = 0
            for lines, values in self._slice(FluxRange(bucket, start_us, end_us)):
                told += values
                yield lines, values
            end_us = start_us
            if told > VALUES_A_SLICE:
                width_us = max(NARROWEST_US, width_us // 2)
            elif told < VALUES_A_SLICE // 4:
                width_us = min(WIDEST_US, width_us * 2)

    def count(self, bucket: str, from_us: int, to_us: int) -> int:
        """Values of [from_us, to_us)."""
        total, end_us = 0, to_us
        while end_us > from_us:
            where = FluxRange(bucket, max(from_us, end_us - WIDEST_US), end_us)
            total += retry_patiently(lambda where=where: self._count(where))  # type: ignore[misc]
            end_us = where.from_us
        return total

    def _count(self, where: FluxRange) -> int:
        return sum(int(row[table.place["_value"]]) for table, row in self._http.query(_COUNT, where.values()))

    def _slice(self, where: FluxRange) -> Iterator[tuple[list[str], int]]:
        """All of a slice. After a failure it is told again, but counted once: taking it in twice changes nothing."""
        counted = 0
        for pause_s in (*PAUSES_S, None):
            seen = 0
            try:
                for lines, values in self._portions(where):
                    seen += values
                    yield lines, max(0, seen - counted)
                    counted = max(counted, seen)
                return
            except StoreUnavailable:
                if pause_s is None:
                    raise
                time.sleep(pause_s)

    def _portions(self, where: FluxRange) -> Iterator[tuple[list[str], int]]:
        points = TextPoints()
        for table, row in self._http.query(_EVERYTHING, where.values()):
            points.add(table, row)
            if points.values >= VALUES_HELD:
                held = points.values
                yield list(points.drain_lines()), held
        held = points.values
        if held:
            yield list(points.drain_lines()), held

    def close(self) -> None:
        """Close all connections."""
        self._http.close()


def retry_patiently(work: Callable[[], T]) -> T:
    """Do it; after StoreUnavailable again, four times in all."""
    for pause_s in PAUSES_S:
        try:
            return work()
        except StoreUnavailable:
            time.sleep(pause_s)
    return work()
