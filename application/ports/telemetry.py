"""The telemetry store: InfluxDB 2 or SQLite behind the same two ports."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from application.telemetry.query_budget import QueryBudget
from devices.samples import Sample, SeriesKey, Value

Aggregate = Literal["mean", "min", "max", "last", "count", "sum", "p50", "p95", "p99"]
"""Percentiles are by nearest rank: always a value that was measured."""
RollupName = Literal["1m", "5m", "1h"]


@dataclass(frozen=True, slots=True)
class TelemetryRow:
    """One stored sample; values unknown at that time are absent."""

    ts_us: int
    received_us: int
    values: dict[str, Value]
    suspect: bool = False


@dataclass(frozen=True, slots=True)
class TelemetryBucket:
    """Aggregates of one bucket [start_us, start_us + width). `covered_s`: how much of it samples speak for.

    `count` and `covered_s` are about samples, with or without the asked fields. `values[field][aggregate]`;
    a field without numbers is absent, a bucket without samples is not returned.
    """

    start_us: int
    count: int
    covered_s: float
    values: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class BucketAnswer:
    """Answer to a bucket query; `source` says `raw` or the rollup width that was read."""

    width_us: int
    source: Literal["raw"] | RollupName
    items: Sequence[TelemetryBucket]


class StoreWatch(Protocol):
    """Hears how a store behaves; called from the thread that waits for it, must be quick and thread-safe."""

    def answered(self, status: str) -> None:
        """Called after each request: with its HTTP status, or `none` when there was no answer."""

    def halved(self) -> None:
        """Called when a write of several samples was refused for what some of them say, and is sent again in parts."""


class TelemetryWriter(Protocol):
    """Keeps telemetry. Opened once before the first write, closed after the last; called from one thread at a time."""

    def write(self, samples: Sequence[Sample]) -> None:
        """Store all or raise. Writing the same samples again changes nothing.

        Raises StoreUnavailable (try the same batch again later), SamplesRefused (indexes that can never be
        stored, with the reason; all others are stored).
        """

    def roll_up(self, now_us: int) -> int:
        """Bring rollups up to date for what was written since, in slices of about a quarter of a second.

        Returns buckets written; call again soon while it is not 0, else about once a minute. Raises StoreUnavailable.
        """

    def apply_retention(self, now_us: int) -> Mapping[str, int]:
        """Drop what is past its kind's retention, in slices like `roll_up`; returns rows dropped by kind, if any.

        A store that drops by itself knows of none.

        Raises StoreUnavailable.
        """

    def ping(self) -> None:
        """Prove that a write would be possible. Raises StoreUnavailable."""

    def close(self) -> None:
        """Release files and connections."""


class TelemetryReader(Protocol):
    """Answers questions; thread-safe. All methods raise StoreUnavailable. Ranges are [from_us, to_us)."""

    def within(self, budget: QueryBudget) -> "TelemetryReader":
        """Return the same reader for one question: what it reads is counted, and interrupted when the budget ends.

        Its methods then raise what the budget raises, too.
        """

    def rows(
        self,
        key: SeriesKey,
        from_us: int,
        to_us: int,
        *,
        fields: Sequence[str] | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[TelemetryRow]:
        """Stored samples in order of time, streamed; `fields` None means all."""

    def buckets(
        self,
        key: SeriesKey,
        from_us: int,
        to_us: int,
        *,
        fields: Sequence[str],
        width_us: int,
        aggregates: Sequence[Aggregate],
        expected_interval_s: float,
    ) -> BucketAnswer:
        """Aggregates of every bucket that overlaps the range, whole buckets, aligned to 1970.

        A sample covers the time since the one before, at most three intervals. Reads raw where they last and are few
        enough, else the widest rollup that divides `width_us` (its coverage follows the kind's usual interval).
        Raises RawDataGone for percentiles, and widths no rollup divides, past the raw retention.
        """

    def parts(self, asset_id: str, kind: str, series: str = "telemetry") -> Sequence[str]:
        """Parts this asset has samples of, in order."""

    def series(self, asset_id: str, kind: str) -> Sequence[str]:
        """Series this asset has samples in: `telemetry`, `event_…`."""

    def close(self) -> None:
        """Release connections."""
