"""Desired configurations: what each device shall be set to, versioned, published retained."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class DesiredConfig:
    """Desired configuration of one asset. `body` is the kind's Config as JSON-able values, without `version`."""

    asset_id: str
    tenant_id: str
    kind: str
    version: int
    """Rises by one with each change, from 1."""
    body: Mapping[str, Any]
    changed_us: int
    applied_version: int | None = None
    """Version the device last said it runs."""
    published_version: int | None = None
    """Version the broker last confirmed."""


class DesiredConfigs(Protocol):
    """One desired configuration per asset that has one."""

    def get(self, asset_id: str) -> DesiredConfig:
        """Raises NotFound."""

    def put(self, config: DesiredConfig, expected_version: int) -> DesiredConfig:
        """Create (expected 0) or replace tenant, kind, body, `changed_us`; returns it with the version expected + 1.

        Applied and published version stay as they were. Raises VersionMismatch when another version is there.
        """

    def reporting_intervals_s(self, asset_ids: Collection[str]) -> Mapping[str, float]:
        """Of those assets for which one is configured."""

    def unpublished(self, limit: int = 500) -> Sequence[DesiredConfig]:
        """Those of bound assets whose published version is not the current one, longest changed first."""

    def unapplied(self, asset_ids: Collection[str]) -> Sequence[DesiredConfig]:
        """Those of these assets that are published, and whose device does not say that it runs the current version."""

    def mark_published(self, asset_id: str, version: int) -> None:
        """Record that the broker holds this version; lower than recorded changes nothing."""

    def mark_unpublished(self, asset_id: str) -> None:
        """Forget what was published and what runs: another device was bound, or the broker lost its messages."""

    def mark_applied(self, asset_id: str, version: int) -> None:
        """Record the version the device says it runs; unknown assets are ignored."""
