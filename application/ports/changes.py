"""What the live stream tells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Change:
    """Something the screen may want to know; `change_id` rises, is the SSE event id."""

    change_id: int
    at_us: int
    tenant_id: str | None
    kind: str | None
    topic: str
    """telemetry, state, status, alarm, command, device, flight, event, system …"""
    data: Mapping[str, Any]
    """For telemetry, state, status, info: {"devices": [{"device_id": …, "ts": …, "part": …, "values": {…}}]}."""


class ChangeFeed(Protocol):
    """Bounded tail of changes (the newest 50,000)."""

    def add(self, changes: Sequence[Change]) -> None:
        """Append; ids are given by the table, `change_id` is ignored."""

    def after(self, change_id: int, limit: int = 500) -> Sequence[Change]:
        """Changes newer than the id, oldest first."""

    def newest(self) -> int:
        """Id of the newest change; 0 when there is none."""

    def oldest(self) -> int:
        """Id of the oldest change still kept; 0 when there is none."""

    def trim(self, keep: int = 50_000) -> None:
        """Drop all but the newest."""
