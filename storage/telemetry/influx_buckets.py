"""Where data are in InfluxDB: per kind a bucket for raw samples and one for rollups, so that access differs by kind."""

from collections.abc import Iterator, Mapping
from typing import Final

from devices.kind import DeviceKind

DAY_S: Final = 86_400


def raw_bucket(prefix: str, kind: str) -> str:
    """Raw samples: measurement is the series, tags `asset` and, unless empty, `part`."""
    return f"{prefix}_{kind}"


def rollup_bucket(prefix: str, kind: str) -> str:
    """Rollups: measurement is `series.width`, same tags."""
    return f"{prefix}_{kind}_rollup"


def bucket_retentions(prefix: str, catalog: Mapping[str, DeviceKind]) -> Iterator[tuple[str, int]]:
    """All buckets with their retention in seconds."""
    for name, kind in catalog.items():
        yield raw_bucket(prefix, name), kind.limits.raw_retention_days * DAY_S
        yield rollup_bucket(prefix, name), kind.limits.rollup_retention_days * DAY_S
