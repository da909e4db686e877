"""The overrides a lamp holds, by rung; each ends by the lamp's own clock."""

from collections.abc import Iterator
from dataclasses import dataclass

from devices.streetlight.enums import LevelOperation, LevelReason


@dataclass(frozen=True, slots=True)
class DimOverride:
    """A dim command with its window [start_us, until_us)."""

    command_id: str
    level_pct: float
    operation: LevelOperation
    reason: LevelReason
    start_us: int
    until_us: int
    fade_s: float

    def active(self, now_us: int) -> bool:
        """Tell whether its window is open."""
        return self.start_us <= now_us < self.until_us


class OverrideStack:
    """Within a rung the newest that has begun wins; one that waits for its start leaves the present one alone."""

    def __init__(self) -> None:
        self._held: list[DimOverride] = []

    def put(self, override: DimOverride) -> None:
        """Take a command."""
        self._held.append(override)

    def expire(self, now_us: int) -> None:
        """Drop what has ended."""
        self._held = [o for o in self._held if o.until_us > now_us]

    def drop(self, command_id: str) -> bool:
        """Cancel one; tells whether it was held."""
        before = len(self._held)
        self._held = [o for o in self._held if o.command_id != command_id]
        return len(self._held) < before

    def resume(self, reason: LevelReason) -> None:
        """Drop all on this rung and below."""
        self._held = [o for o in self._held if o.reason.rung < reason.rung]

    def ladder(self, now_us: int) -> list[DimOverride]:
        """The newest of each rung that has begun, lowest rung first; what they supersede is dropped."""
        newest: dict[LevelReason, DimOverride] = {}
        for override in (o for o in self._held if o.active(now_us)):
            best = newest.get(override.reason)
            if best is None or override.start_us >= best.start_us:
                newest[override.reason] = override
        self._held = [o for o in self._held if not o.active(now_us) or newest[o.reason] is o]
        return sorted(newest.values(), key=lambda o: -o.reason.rung)

    def next_change_us(self, now_us: int) -> int | None:
        """When a window opens or closes next."""
        return min((t for t in self._edges() if t > now_us), default=None)

    def _edges(self) -> Iterator[int]:
        for override in self._held:
            yield override.start_us
            yield override.until_us
