"""Values on their way from the broker to the store."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

Value = float | int | bool | str
TELEMETRY = "telemetry"
"""Name of the series that `telemetry` messages fill; an event's series is `event_{name}`."""


class RawMessage(NamedTuple):
    """A message exactly as it was received; `topic` as received bytes, decoded nowhere before the journal."""

    topic: bytes
    payload: bytes
    qos: int
    retained: bool
    duplicate: bool
    received_us: int


class Sample(NamedTuple):
    """One accepted sample of one asset; identity is (asset_id, series, part, ts_us)."""

    asset_id: str
    kind: str
    tenant_id: str
    series: str
    part: str
    ts_us: int
    received_us: int
    values: Mapping[str, Value]
    suspect: bool = False


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """Names one stored series."""

    asset_id: str
    kind: str
    series: str = TELEMETRY
    part: str = ""
