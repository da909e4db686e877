"""Bounded hand-over from paho's network thread to the journal feeder; one thread puts, one takes, no locks."""

from collections import deque
from typing import NamedTuple

from devices.samples import RawMessage


class Arrival(NamedTuple):
    """A message and what acknowledges it: packet id on the connection with this epoch."""

    epoch: int
    mid: int
    message: RawMessage


class Inbox:
    """At the bound messages are left unacknowledged, so that the broker sends them again; QoS 0 is lost and counted."""

    def __init__(self, bound_bytes: int = 48 * 2**20, bound_messages: int = 70_000) -> None:
        self._bound_bytes = bound_bytes
        self._bound_messages = bound_messages
        self._arrivals: deque[Arrival] = deque()
        self._put_bytes = 0
        self._taken_bytes = 0
        self.received = 0
        self.shed = 0
        self.lost_qos0 = 0

    def put(self, arrival: Arrival) -> None:
        """Called by the network thread only."""
        message = arrival.message
        if self._put_bytes - self._taken_bytes > self._bound_bytes or len(self._arrivals) >= self._bound_messages:
            if message.qos:
                self.shed += 1
            else:
                self.lost_qos0 += 1
            return
        self.received += 1
        self._put_bytes += len(message.payload) + len(message.topic)
        self._arrivals.append(arrival)

    def take(self, at_most: int) -> list[Arrival]:
        """Called by the feeder only; oldest first."""
        arrivals = self._arrivals
        taken = [arrivals.popleft() for _ in range(min(at_most, len(arrivals)))]
        self._taken_bytes += sum(len(a.message.payload) + len(a.message.topic) for a in taken)
        return taken

    def __len__(self) -> int:
        return len(self._arrivals)
