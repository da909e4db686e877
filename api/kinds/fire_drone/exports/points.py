"""Stored rows as points of a track: numbered segments, thinning only where asked for."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from application.kinds.fire_drone.ports import FlightRecord
from application.ports.telemetry import TelemetryRow
from devices.fire_drone.telemetry import DroneTelemetry
from devices.samples import Value
from devices.time_us import SECOND_US, rfc3339

LINK_LOST_S: Final = 15.0
"""A longer time without samples begins a new segment."""
FIELDS: Final = tuple(
    name
    for name in DroneTelemetry.model_fields
    if name not in {"v", "device_id", "ts", "boot_id", "seq", "part", "battery_cells", "totals"}
)
"""Fields of a track, in the order of their declaration."""


class ExportPoint(NamedTuple):
    """One sample. `segment` counts from 1 and rises after each gap, `line` the same over points with a position."""

    ts_us: int
    t_s: float
    segment: int
    line: int
    values: Mapping[str, Value]

    @property
    def placed(self) -> bool:
        """It has a position."""
        return "lat" in self.values and "lon" in self.values

    def number(self, name: str) -> float | None:
        """Value of a numeric field; None when it is not known."""
        value = self.values.get(name)
        return float(value) if isinstance(value, int | float) else None


class ExportTitle(NamedTuple):
    """What a file says of itself; no names of persons."""

    name: str
    file_name: str
    description: str


def export_points(rows: Iterable[TelemetryRow], takeoff_us: int, every: int = 1) -> Iterator[ExportPoint]:
    """Points of rows in order of time. Ends of segments and lines and every `every`-th between are kept."""
    numbered = _numbered(rows, takeoff_us)
    if every == 1:
        yield from numbered
        return
    before: ExportPoint | None = None
    index = 0
    for point in numbered:
        if before is not None:
            ends = (before.segment, before.line, before.placed) != (point.segment, point.line, point.placed)
            if index % every == 0 or ends:
                yield before
            index = 0 if ends else index + 1
        before = point
    if before is not None:
        yield before


def export_title(flight: FlightRecord, extension: str, every: int = 1) -> ExportTitle:
    """Name, file name and description of a flight's file."""
    started = rfc3339(flight.detected.takeoff_us)
    stamp = started.partition(".")[0].replace("-", "").replace(":", "") + "Z"
    thinned = f"_every{every}" if every > 1 else ""
    said = f"thinned: every {every}th sample" if every > 1 else "all samples"
    return ExportTitle(
        name=f"{flight.asset_id} {flight.number}",
        file_name=f"{stamp}_{flight.asset_id}_{flight.number}{thinned}.{extension}",
        description=f"Flight {flight.number} of {flight.asset_id}, take-off {started}, {said}, times in UTC",
    )


def _numbered(rows: Iterable[TelemetryRow], takeoff_us: int) -> Iterator[ExportPoint]:
    segment = line = 0
    last_us = placed_us = -(2**62)
    for row in rows:
        if row.ts_us - last_us > LINK_LOST_S * SECOND_US:
            segment += 1
        last_us = row.ts_us
        if "lat" in row.values and "lon" in row.values:
            if row.ts_us - placed_us > LINK_LOST_S * SECOND_US:
                line += 1
            placed_us = row.ts_us
        yield ExportPoint(row.ts_us, (row.ts_us - takeoff_us) / SECOND_US, segment, line, row.values)
