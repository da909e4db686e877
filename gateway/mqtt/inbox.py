"""Messages received and not yet on disk; bounded, so that at the bound the socket is left unread."""

from typing import NamedTuple

from devices.samples import RawMessage


class ReceivedMessage(NamedTuple):
    """A message and what acknowledges it: packet id on the connection with this epoch."""

    epoch: int
    mid: int
    message: RawMessage


class MessageInbox:
    """Used by one thread."""

    def __init__(self, bound_bytes: int = 32 * 2**20, bound_messages: int = 20_000) -> None:
        self._bound_bytes = bound_bytes
        self._bound_messages = bound_messages
        self._arrivals: list[ReceivedMessage] = []
        self._bytes = 0
        self.received = 0

    def put(self, arrival: ReceivedMessage) -> None:
        """Take a message."""
        self.received += 1
        self._bytes += len(arrival.message.payload)
        self._arrivals.append(arrival)

    def full(self) -> bool:
        """Whether nothing more should be read."""
        return self._bytes >= self._bound_bytes or len(self._arrivals) >= self._bound_messages

    def peek(self, at_most: int, at_most_bytes: int) -> list[ReceivedMessage]:
        """The oldest messages, at least one if there is any; they stay until dropped."""
        if self._bytes <= at_most_bytes:
            return self._arrivals[:at_most]
        size = 0
        for number, arrival in enumerate(self._arrivals[:at_most]):
            size += len(arrival.message.payload)
            if size > at_most_bytes:
                return self._arrivals[: max(1, number)]
        return self._arrivals[:at_most]

    def drop(self, number: int) -> None:
        """Remove the oldest messages, which are on disk now."""
        self._bytes -= sum(len(a.message.payload) for a in self._arrivals[:number])
        del self._arrivals[:number]

    def __len__(self) -> int:
        return len(self._arrivals)
