"""PUBLISH packets of MQTT 3.1.1 in a run of received bytes: all whole ones in one pass."""

from typing import Final, NamedTuple

from devices.samples import RawMessage

LONGEST_HEAD: Final = 5
"""Packet type and at most four bytes of remaining length."""
_PUBLISH: Final = 0x30
_FLAGS: Final[dict[int, tuple[int, bool, bool]]] = {
    _PUBLISH | duplicate << 3 | qos << 1 | retained: (qos, bool(retained), bool(duplicate))
    for duplicate in (0, 1)
    for qos in (0, 1)
    for retained in (0, 1)
}
"""QoS, retained and duplicate by first byte. QoS 2 is not among them: nobody here subscribes with it."""
_PUBACK: Final = b"\x40\x02"
_NO_ID: Final = b"\0\0"
_LONG: Final = 128
_VERY_LONG: Final = 128 * 128
_SAMPLE_SHIFT: Final = 4
"""A sample of a batch takes 16 bytes at least."""
_AHEAD_US: Final = 1_000_000


class ParsedPublishes(NamedTuple):
    """Messages, what acknowledges each on the wire (nothing for QoS 0), where the next packet is, what is wrong."""

    messages: list[RawMessage]
    acknowledgements: list[bytes]
    end: int
    violation: str | None


class PublishParser:
    """Stamps messages with the time of receipt, no two alike.

    Samples without a clock are put a microsecond apart from the stamp on: the next message's leaves room for them, for
    as long as that does not lead far from the clock.
    """

    def __init__(self) -> None:
        self._next_us = 0

    def parse(self, data: bytes, at: int, at_most: int, now_us: int) -> ParsedPublishes:
        """Read from `at` up to the first packet that is not whole, or no PUBLISH of QoS 0 or 1, or forbidden."""
        messages: list[RawMessage] = []
        acknowledgements: list[bytes] = []
        add, acknowledge, flags_of, new = messages.append, acknowledgements.append, _FLAGS.get, tuple.__new__
        shift = _SAMPLE_SHIFT if self._next_us < now_us + _AHEAD_US else 64
        received_us, end, violation = max(now_us, self._next_us), len(data), None
        while at + 1 < end and len(messages) < at_most:
            flags = flags_of(data[at])
            length, start = data[at + 1], at + 2
            if length >= _LONG:
                if start == end:
                    break
                length += (data[start] - 1) * _LONG
                start += 1
                if length >= _VERY_LONG:
                    start, length = measure_packet(data, at) or (end, _LONG)
            stop = start + length
            if flags is None or stop > end:
                break
            topic = start + 2
            body = topic + (data[start] << 8 | data[start + 1]) if length > 2 else topic
            qos, retained, duplicate = flags
            payload = body + 2 * qos
            if body == topic or payload > stop:
                violation = "PUBLISH without a topic, or shorter than its topic and packet id"
                break
            if qos:
                packet_id = data[body:payload]
                if packet_id == _NO_ID:
                    violation = "PUBLISH with packet id 0"
                    break
                acknowledge(_PUBACK + packet_id)
            else:
                acknowledge(b"")
            add(new(RawMessage, (data[topic:body], data[payload:stop], qos, retained, duplicate, received_us)))
            received_us += 1 + (stop - payload >> shift)
            at = stop
        self._next_us = received_us
        return ParsedPublishes(messages, acknowledgements, at, violation)


def measure_packet(data: bytes, at: int) -> tuple[int, int] | None:
    """Where what follows the head of a packet begins, and its length; None when the head does not end in the data."""
    length = 0
    for number, digit in enumerate(data[at + 1 : at + LONGEST_HEAD]):
        length |= (digit & 0x7F) << 7 * number
        if digit < _LONG:
            return at + 2 + number, length
    return None
