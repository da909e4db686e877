"""How far the cursors have walked the journal."""

from typing import Protocol


class CursorPositions(Protocol):
    """How far each cursor has walked a journal lane: names such as `effects/telemetry`, `store/telemetry`."""

    def get(self, cursor: str) -> int:
        """Last batch done; 0 at first."""

    def set(self, cursor: str, batch_id: int) -> None:
        """Advance, in the transaction of the batch's effects."""
