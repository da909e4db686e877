"""What a device keeps while its connection is down."""

from collections import deque
from typing import Final

from simulators.envelope_sender import WireMessage, join_batches

KEPT: Final = 20_000


class DeviceBacklog:
    """Bounded; the oldest telemetry leaves first and is counted. Of retained messages only the newest is kept."""

    def __init__(self, kept: int = KEPT) -> None:
        self._telemetry: deque[WireMessage] = deque()
        self._others: dict[str, deque[WireMessage]] = {}
        self._kept = kept
        self.dropped = 0

    def put(self, wire: WireMessage) -> None:
        """Keep for later."""
        if wire.channel == "telemetry" and wire.identities:
            self._telemetry.append(wire)
            if len(self._telemetry) > self._kept:
                self._telemetry.popleft()
                self.dropped += 1
            return
        waiting = self._others.setdefault(wire.topic, deque(maxlen=self._kept))
        if wire.retained:
            waiting.clear()
        waiting.append(wire)

    def drain(self) -> list[WireMessage]:
        """Everything, telemetry last and in batches; the backlog is empty then."""
        others = [wire for waiting in self._others.values() for wire in waiting]
        telemetry = list(join_batches(self._telemetry))
        self._others.clear()
        self._telemetry.clear()
        return [*others, *telemetry]
