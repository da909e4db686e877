"""Newest known values and rule states: what the screen shows and rules remember."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from devices.samples import Value


@dataclass(frozen=True, slots=True)
class LatestValue:
    """Newest values of an asset on one channel (`telemetry`, `state`, `status`, `info`) and part."""

    asset_id: str
    kind: str
    tenant_id: str
    channel: str
    part: str
    ts_us: int
    received_us: int
    values: Mapping[str, Value | Sequence[str]]
    suspect: bool = False


class LastContact(NamedTuple):
    """Connection state, None where it never said one, and when anything came last."""

    status: str | None
    last_seen_us: int


class LatestValues(Protocol):
    """Newest values; read by the API for whole kinds at once."""

    def put(self, rows: Sequence[LatestValue]) -> None:
        """Insert or replace; the caller has made sure that each row is newer."""

    def of_assets(self, asset_ids: Collection[str]) -> Sequence[LatestValue]:
        """All channels and parts of the given assets."""

    def of_kind(
        self,
        kind: str,
        tenant_ids: Collection[str] | None = None,
        channel: str | None = None,
        asset_ids: Collection[str] | None = None,
    ) -> Sequence[LatestValue]:
        """All rows of a kind but those of retired assets, by asset and part; 5,000 devices in well under 200 ms."""

    def heard(
        self, kinds: Collection[str], tenant_ids: Collection[str] | None = None, also: Collection[str] = ()
    ) -> Mapping[str, LastContact]:
        """Connection and last sight of the assets of these kinds, and of those in `also`, by asset."""

    def status_revision(self) -> int:
        """Rises whenever the connection state of any asset is put."""


class RuleStates(Protocol):
    """JSON state of each rule for each asset."""

    def load(self, asset_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """State by asset id, then by rule name."""

    def put(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace the states of the given assets."""
