"""Puts lines of protocol back into buckets of InfluxDB that were empty."""

import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final

from devices.errors import Invalid
from devices.time_us import HOUR_US
from storage.telemetry import influx_bisect
from storage.telemetry.influx_export import TIMEOUT_S, retry_patiently
from storage.telemetry.influx_flux import FluxRange
from storage.telemetry.influx_http import InfluxHttp
from storage.telemetry.influx_text import lines_of, time_of, values_in

_ANY: Final = """from(bucket: in_bucket)
  |> range(start: from_time, stop: to_time)
  |> first()
  |> keep(columns: ["_field"])
  |> limit(n: 1)"""


class InfluxImport:
    """Writes whole buckets. Tries again when the server does not answer; then raises StoreUnavailable."""

    def __init__(self, *, url: str, org: str, token: str) -> None:
        self._http = InfluxHttp(url=url, org=org, token=token, timeout_s=TIMEOUT_S)

    def is_empty(self, bucket: str, to_us: int) -> bool:
        """True when there is no such bucket, or nothing in it from 1970 to this instant. Asks once."""
        if self._http.retention_s(bucket) is None:
            return True
        return next(self._http.query(_ANY, FluxRange(bucket, 0, to_us).values()), None) is None

    def make(self, bucket: str, retention_s: int) -> None:
        """Make the bucket, or give it this retention."""
        retry_patiently(partial(self._http.ensure_bucket, bucket, retention_s))

    def put(self, bucket: str, retention_s: int, pieces: Iterable[bytes]) -> int:
        """Store lines as `InfluxExport.lines` told them, twice is harmless; returns how many values have expired.

        These are left out. Raises Invalid when the server refuses some.
        """
        expired = 0
        # What ends within the hour might end while it is written: the server refuses it then.
        since_ns = (time.time_ns() - retention_s * 10**9 + HOUR_US * 1000) if retention_s else None
        for some in _portions(lines_of(pieces)):
            kept = some if since_ns is None else [line for line in some if _time_of(line) >= since_ns]
            if len(kept) < len(some):
                expired += _values(some) - _values(kept)
            self._post(bucket, kept)
        return expired

    def _post(self, bucket: str, lines: Sequence[str]) -> None:
        refused = influx_bisect.store_lines(
            lambda some: retry_patiently(lambda: self._http.write(bucket, some, "ns")), lines
        )
        if refused:
            raise Invalid("influxdb_refuses_lines", count=len(refused), bucket=bucket, why=next(iter(refused.values())))

    def close(self) -> None:
        """Close all connections."""
        self._http.close()


def _portions(lines: Iterator[str]) -> Iterator[list[str]]:
    some: list[str] = []
    for line in lines:
        some.append(line)
        if len(some) == influx_bisect.LINES_PER_REQUEST:
            yield some
            some = []
    if some:
        yield some


def _time_of(line: str) -> int:
    try:
        return time_of(line)
    except ValueError as error:
        raise Invalid("no_line_of_protocol", line=repr(line[:80])) from error


def _values(lines: Iterable[str]) -> int:
    return sum(map(values_in, lines))
