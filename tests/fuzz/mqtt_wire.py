"""Both packet readers on a link that gives the bytes it is told to, and what each makes of them."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from structlog.testing import capture_logs

from gateway.mqtt.connection import BrokerLogin, MqttConnection
from gateway.mqtt.inbox import MessageInbox

STRICTER = ("PUBLISH with packet id 0", "remaining length of more than four bytes")
"""What ends the connection, where paho goes on, or waits for a fifth byte of length before it does."""


class Link:
    """In place of a socket: gives one piece after the other, and keeps what is written."""

    def __init__(self) -> None:
        self.pieces: deque[bytes] = deque()
        self.written = bytearray()
        self.closed = False

    def recv(self, size: int) -> bytes:
        if not self.pieces:
            raise BlockingIOError
        piece = self.pieces.popleft()
        if len(piece) > size:
            self.pieces.appendleft(piece[size:])
        return piece[:size]

    def send(self, buffer: bytes | bytearray) -> int:
        self.written += buffer
        return len(buffer)

    def close(self) -> None:
        self.closed = True

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - the socket's own
        pass

    def fileno(self) -> int:
        return -1


@dataclass(frozen=True)
class Heard:
    """What came of one connection."""

    messages: list[tuple[bytes, bytes, int, bool, bool]]
    stamps: list[int]
    written: bytes
    """Acknowledgements among it."""
    ended: bool
    violations: list[str]
    logged: list[tuple[str, Any]]


class Reader:
    """A connection of the gateway without a broker; each call of `hear` is a connection anew."""

    def __init__(self, *, batches: bool) -> None:
        self.inbox = MessageInbox(2**40, 2**40)
        login = BrokerLogin("broker", 1883)
        self.connection = MqttConnection("t", login, "t", ["a/#"], self.inbox, reads_batches=batches)
        self._link = Link()
        self._client: Any = self.connection._client
        vars(self._client)["_create_socket"] = lambda: self._link

    def connect(self) -> Link:
        """A connection anew; says what was written on it and gives it what the broker sends."""
        self._link = Link()
        self._client._in_messages.clear()
        self._client._last_mid = 0
        self._client.connect("broker", 1883)
        self._client.loop_write()
        self._link.written.clear()
        return self._link

    def read(self, *pieces: bytes) -> None:
        """Read what the link gives."""
        self._link.pieces.extend(piece for piece in pieces if piece)
        while self._link.pieces and not self._link.closed:
            self.connection._read()

    def keep_alive(self, *, silent_s: float) -> bytes:
        """What is written when so long nothing has been heard, but for a message a moment ago."""
        self._client._last_bytes_received -= silent_s
        self.read(b"\x32\x06\x00\x01a\x00\x01x")
        self._client.loop_misc()
        self._client.loop_write()
        return bytes(self._link.written)

    def hear(self, pieces: Iterable[bytes]) -> Heard:
        """Connect, hear the pieces, acknowledge."""
        with capture_logs() as logged:
            link = self.connect()
            self.read(*pieces)
            batches = self.inbox.peek(2**40, 2**40)
            self.inbox.drop(len(batches))
            self._client.loop_write()
            self.connection.acknowledge(batches)
        messages = [message for batch in batches for message in batch.messages]
        return Heard(
            [(_readable(m.topic), m.payload, m.qos, m.retained, m.duplicate) for m in messages],
            [m.received_us for m in messages],
            bytes(link.written),
            link.closed,
            [x["reason"] for x in logged if x["event"] == "mqtt_protocol_violation"],
            [(x["event"], x.get("reason")) for x in logged if x["event"] != "mqtt_protocol_violation"],
        )

    def close(self) -> None:
        self._client._sock = None
        self.connection.close()


def _readable(topic: bytes) -> bytes:
    """A topic that is no UTF-8 is a dead letter, whatever its bytes; paho keeps none of them."""
    try:
        topic.decode()
    except UnicodeDecodeError:
        return b"\xff"
    return topic


def assert_alike(batch: Heard, paho: Heard) -> None:
    """Both made the same of the same bytes, or ours ended the connection for a reason that it told."""
    assert batch.stamps == sorted(set(batch.stamps))
    if set(batch.violations) & set(STRICTER):
        assert batch.ended
        assert batch.messages == paho.messages[: len(batch.messages)]
        return
    assert replace(batch, stamps=[], violations=[]) == replace(paho, stamps=[], violations=[])
    assert not batch.violations or batch.ended
