"""What the parts of an installation say of themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Last word of one part (`gateway`, `journal/telemetry`, `store`, `broker`, `scheduler`, `canary`, …)."""

    part: str
    at_us: int
    ok: bool
    last_success_us: int | None
    detail: Mapping[str, Any]


class HeartbeatRepository(Protocol):
    """What the parts said of themselves."""

    def put(self, beats: Sequence[Heartbeat]) -> None:
        """Insert or replace by part."""

    def all(self) -> Sequence[Heartbeat]:
        """In order of part."""
