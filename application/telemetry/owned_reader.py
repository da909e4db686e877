"""Stored series as some towns may read them: only what was measured while the asset was theirs."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from application.lending import AssetOwnership, Span
from application.ports.telemetry import Aggregate, BucketAnswer, TelemetryBucket, TelemetryReader, TelemetryRow
from application.telemetry.query_budget import QueryBudget
from devices.samples import SeriesKey
from devices.time_us import SECOND_US

_EVER: Final = (0, 4_102_444_800 * SECOND_US)
"""1970 to 2100."""


def whole_buckets(span: Span, width_us: int) -> Span:
    """Buckets that lie within a span: one that a handover cuts is nobody's."""
    return -(-span[0] // width_us) * width_us, span[1] // width_us * width_us


class OwnedReader:
    """TelemetryReader for assets whose ownership is given, within what the towns may see of them."""

    def __init__(
        self, reader: TelemetryReader, ownership: Mapping[str, AssetOwnership], tenant_ids: Collection[str] | None
    ) -> None:
        self._reader = reader
        self._ownership = ownership
        self._tenant_ids = tenant_ids

    def within(self, budget: QueryBudget) -> "OwnedReader":
        """See the port."""
        return OwnedReader(self._reader.within(budget), self._ownership, self._tenant_ids)

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
        """See the port."""
        left = limit
        for begin, end in self._spans(key.asset_id, from_us, to_us)[:: -1 if newest_first else 1]:
            if left == 0:
                return
            for row in self._reader.rows(key, begin, end, fields=fields, limit=left, newest_first=newest_first):
                left = None if left is None else left - 1
                yield row

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
        """See the port; buckets in which the asset changed hands are left out."""
        found = BucketAnswer(width_us, "raw", ())
        items: list[TelemetryBucket] = []
        wide = from_us // width_us * width_us, -(-to_us // width_us) * width_us
        for span in self._spans(key.asset_id, *wide):
            begin, end = whole_buckets(span, width_us)
            if begin < end:
                found = self._reader.buckets(
                    key,
                    max(begin, from_us),
                    min(end, to_us),
                    fields=fields,
                    width_us=width_us,
                    aggregates=aggregates,
                    expected_interval_s=expected_interval_s,
                )
                items += found.items
        return BucketAnswer(width_us, found.source, items)

    def parts(self, asset_id: str, kind: str, series: str = "telemetry") -> Sequence[str]:
        """See the port."""
        known = self._reader.parts(asset_id, kind, series)
        return [part for part in known if any(True for _ in self._one(SeriesKey(asset_id, kind, series, part)))]

    def series(self, asset_id: str, kind: str) -> Sequence[str]:
        """See the port."""
        return [name for name in self._reader.series(asset_id, kind) if self.parts(asset_id, kind, name)]

    def close(self) -> None:
        """See the port; what it reads from is closed by whoever opened it."""

    def _one(self, key: SeriesKey) -> Iterator[TelemetryRow]:
        return self.rows(key, *_EVER, fields=(), limit=1)

    def _spans(self, asset_id: str, from_us: int, to_us: int) -> list[Span]:
        return self._ownership[asset_id].spans(self._tenant_ids, from_us, to_us)
