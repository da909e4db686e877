"""The telemetry store: InfluxDB 2 or SQLite behind the same two ports."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from devices.samples import Sample, SeriesKey, Value

Aggregate = Literal["mean", "min", "max", "last", "count", "sum", "p50", "p95", "p99"]


@dataclass(frozen=True, slots=True)
class Row:
    """One stored sample; values unknown at that time are absent."""

    ts_us: int
    received_us: int
    values: dict[str, Value]
    suspect: bool = False


@dataclass(frozen=True, slots=True)
class Bucket:
    """Aggregates of one bucket [start_us, start_us + width). `covered_s`: how much of it samples speak for.

    `values[field][aggregate]`; a field without samples is absent, a bucket without samples is not returned.
    """

    start_us: int
    count: int
    covered_s: float
    values: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Buckets:
    """Answer to a bucket query; `source` says `raw` or the rollup width that was read."""

    width_us: int
    source: Literal["raw", "1m", "5m", "1h"]
    items: Sequence[Bucket]


@dataclass(frozen=True, slots=True)
class Rollup:
    """One field of one series in one rollup bucket."""

    key: SeriesKey
    field: str
    start_us: int
    width_us: int
    min: float
    mean: float
    max: float
    last: float
    count: int
    covered_s: float


class TelemetryWriter(Protocol):
    """Keeps telemetry. Opened once before the first write, closed after the last; called from one thread at a time."""

    def write(self, samples: Sequence[Sample]) -> None:
        """Store all or raise. Writing the same samples again changes nothing.

        Raises StoreUnavailable (try the same batch again later), SamplesRefused (indexes that can never be
        stored, with the reason; all others are stored).
        """

    def roll_up(self, now_us: int) -> int:
        """Bring rollups up to date for what was written since; returns buckets written. Raises StoreUnavailable."""

    def apply_retention(self, now_us: int) -> int:
        """Drop what is past its kind's retention; returns rows dropped where the store knows. Raises StoreUnavailable."""

    def ping(self) -> None:
        """Prove that a write would be possible. Raises StoreUnavailable."""

    def close(self) -> None:
        """Release files and connections."""


class TelemetryReader(Protocol):
    """Answers questions; thread-safe. All methods raise StoreUnavailable. Ranges are [from_us, to_us)."""

    def rows(
        self,
        key: SeriesKey,
        from_us: int,
        to_us: int,
        *,
        fields: Sequence[str] | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Row]:
        """Stored samples in order of time, streamed; `fields` None means all."""

    def buckets(  # noqa: PLR0913 - a query has as many dimensions as its diagram
        self,
        key: SeriesKey,
        from_us: int,
        to_us: int,
        *,
        fields: Sequence[str],
        width_us: int,
        aggregates: Sequence[Aggregate],
        expected_interval_s: float,
    ) -> Buckets:
        """Aggregates per bucket, aligned to 1970. A sample covers the time since the one before, at most three intervals.

        Reads raw where they last and are few enough, else the widest rollup that divides `width_us`.
        Raises RawDataGone for percentiles past the raw retention.
        """

    def parts(self, asset_id: str, kind: str, series: str = "telemetry") -> Sequence[str]:
        """Parts this asset has samples of, in order."""

    def series(self, asset_id: str, kind: str) -> Sequence[str]:
        """Series this asset has samples in: `telemetry`, `event_…`."""

    def close(self) -> None:
        """Release connections."""
