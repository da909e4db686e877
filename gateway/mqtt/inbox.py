"""Messages received and not yet on disk; bounded, so that at the bound the socket is left unread."""

from collections import deque
from typing import NamedTuple

from devices.samples import RawMessage


class ReceivedBatch(NamedTuple):
    """Messages that came in together, and what acknowledges each on the connection with this epoch, as on the wire."""

    epoch: int
    messages: list[RawMessage]
    acknowledgements: list[bytes]
    """Empty bytes for what nobody waits for, such as QoS 0."""


class MessageInbox:
    """Used by one thread."""

    def __init__(self, bound_bytes: int = 32 * 2**20, bound_messages: int = 20_000) -> None:
        self._bound_bytes = bound_bytes
        self._bound_messages = bound_messages
        self._batches: deque[tuple[ReceivedBatch, int]] = deque()
        """With the bytes of their payloads."""
        self._messages = 0
        self._bytes = 0
        self.received = 0

    def put(self, batch: ReceivedBatch) -> None:
        """Take messages, at least one."""
        size = sum([len(message.payload) for message in batch.messages])
        self.received += len(batch.messages)
        self._messages += len(batch.messages)
        self._bytes += size
        self._batches.append((batch, size))

    def full(self) -> bool:
        """Whether nothing more should be read."""
        return self._bytes >= self._bound_bytes or self._messages >= self._bound_messages

    def peek(self, at_most: int, at_most_bytes: int) -> list[ReceivedBatch]:
        """The oldest batches, at least one if there is any; they stay until dropped."""
        found: list[ReceivedBatch] = []
        messages = total = 0
        for batch, size in self._batches:
            messages += len(batch.messages)
            total += size
            if found and (messages > at_most or total > at_most_bytes):
                break
            found.append(batch)
        return found

    def drop(self, number: int) -> None:
        """Remove the oldest batches, which are on disk now."""
        for _ in range(number):
            batch, size = self._batches.popleft()
            self._messages -= len(batch.messages)
            self._bytes -= size

    def __len__(self) -> int:
        return self._messages
