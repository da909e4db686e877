"""Reads MQTT 3.1.1 packets out of what a proxy saw, to tell what was acknowledged on which connection."""

from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

PUBLISH: Final = 3
PUBACK: Final = 4


class Packet(NamedTuple):
    """Type, flags and body of a packet."""

    kind: int
    flags: int
    body: bytes


def packets(stream: bytes) -> Iterator[Packet]:
    """Whole packets of a stream; a torn one at its end is left out."""
    at = 0
    while at + 2 <= len(stream):
        size, shift, begin = 0, 0, at + 1
        while begin < len(stream):
            digit = stream[begin]
            size |= (digit & 0x7F) << shift
            begin, shift = begin + 1, shift + 7
            if not digit & 0x80:
                break
        if begin + size > len(stream):
            return
        yield Packet(stream[at] >> 4, stream[at] & 0x0F, stream[begin : begin + size])
        at = begin + size


def delivered(down: bytes) -> Counter[int]:
    """Packet ids of QoS 1 messages that the broker sent, and how often."""
    found: Counter[int] = Counter()
    for packet in packets(down):
        if packet.kind == PUBLISH and packet.flags & 0x06:
            size = int.from_bytes(packet.body[:2])
            found[int.from_bytes(packet.body[2 + size : 4 + size])] += 1
    return found


def acknowledged(up: bytes) -> Counter[int]:
    """Packet ids that the program acknowledged, and how often."""
    return Counter(int.from_bytes(packet.body[:2]) for packet in packets(up) if packet.kind == PUBACK)
