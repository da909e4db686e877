"""An MQTT client that says what it is told to, byte for byte."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from benchmarks.parts.load import length
from tests.real_parts.brokers import Broker, Login

CONNACK: Final = 2
PUBLISH: Final = 3
PUBACK: Final = 4
PUBREC: Final = 5
SUBACK: Final = 9
MOST: Final = 268_435_455
"""The largest length that a packet can announce."""
_WAIT_S: Final = 2
Will = tuple[bytes, bytes]
"""Topic and payload."""


class Rough:
    """One connection, MQTT 3.1.1; a broker that closes it is no error."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._rest = b""
        self._number = 0

    def connect(
        self, client_id: str, login: Login, keepalive_s: int = 60, will: Will | None = None, *, retain: bool = False
    ) -> bool:
        """Whether the broker let us in; `retain` is of the will."""
        body = connect_body(client_id, login.user, login.password, keepalive_s, will, retain=retain)
        answer = self._ask(0x10, body, CONNACK)
        return answer is not None and answer[1] == 0

    def subscribe(self, filter_: str) -> bool:
        """Whether the broker granted it."""
        answer = self._ask(0x82, b"\0\x01" + text(filter_.encode()) + b"\x01", SUBACK)
        return answer is not None and answer[2] < 0x80

    def publish(self, topic: bytes, payload: bytes, *, retain: bool = False, qos: int = 1) -> bool:
        """Publish with QoS 1, or half of QoS 2; whether the broker acknowledged it, else it closed the connection."""
        self._number += 1
        body = text(topic) + struct.pack(">H", self._number) + payload
        return self._ask(0x30 | qos << 1 | retain, body, PUBACK if qos == 1 else PUBREC) is not None

    def announce(self, topic: bytes, announced: int, send: int) -> int:
        """Begin a packet of a length and send some of it; returns how many bytes the broker let us send."""
        head = b"\x32" + length(announced) + text(topic) + b"\0\x01"
        sent = 0
        try:
            self._link.sendall(head)
            while sent < send:
                sent += self._link.send(b"x" * 65_536)
        except OSError:
            return sent
        return sent

    def closed(self) -> bool:
        """Whether the broker closed the connection, or does within a while."""
        try:
            return self._link.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    def received(self) -> Iterator[tuple[bytes, bytes]]:
        """Topics and payloads that came, until nothing comes for a while."""
        while (found := self._packet()) is not None:
            kind, body = found
            if kind >> 4 == PUBLISH:
                size = struct.unpack(">H", body[:2])[0]
                start = 2 + size + (2 if kind & 6 else 0)
                yield body[2 : 2 + size], body[start:]

    def _ask(self, first: int, body: bytes, wanted: int) -> bytes | None:
        try:
            self._link.sendall(packet(first, body))
            while (found := self._packet()) is not None:
                if found[0] >> 4 == wanted:
                    return found[1]
        except OSError:
            return None
        return None

    def _packet(self) -> tuple[int, bytes] | None:
        try:
            first = self._take(1)[0]
            size = shift = 0
            while True:
                byte = self._take(1)[0]
                size |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return first, self._take(size)
        except (EOFError, OSError):
            return None

    def _take(self, number: int) -> bytes:
        while len(self._rest) < number:
            more = self._link.recv(65_536)
            if not more:
                raise EOFError
            self._rest += more
        taken, self._rest = self._rest[:number], self._rest[number:]
        return taken


@contextmanager
def rough(broker: Broker, client_id: str, login: Login | None = None, patience_s: float = _WAIT_S) -> Iterator[Rough]:
    """Connected as a device; raises AssertionError when not let in."""
    with socket.create_connection((broker.host, broker.port), timeout=patience_s) as link:
        client = Rough(link)
        assert client.connect(client_id, login or broker.device), "not let in"
        yield client


def text(data: bytes) -> bytes:
    """A string of MQTT."""
    return struct.pack(">H", len(data)) + data


def connect_body(
    client_id: str, user: str, password: str, keepalive_s: int = 60, will: Will | None = None, *, retain: bool = False
) -> bytes:
    """Of a CONNECT with a clean session; the will has QoS 1."""
    flags = 0b1100_0010 | (0b0000_1100 if will else 0) | (0b0010_0000 if will and retain else 0)
    fields = (client_id.encode(), *(will or ()), user.encode(), password.encode())
    return text(b"MQTT") + bytes([4, flags]) + struct.pack(">H", keepalive_s) + b"".join(map(text, fields))


def connect_packet(client_id: str, user: str, password: str, will: Will | None = None) -> bytes:
    """A whole CONNECT."""
    return packet(0x10, connect_body(client_id, user, password, will=will))


def packet(first: int, body: bytes) -> bytes:
    """A whole packet."""
    return bytes([first]) + length(len(body)) + body
