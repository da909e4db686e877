"""Bytes of a journal batch, format 1: per message a head of fixed size, then topic and payload."""

import struct
from collections.abc import Iterable

from devices.samples import RawMessage

_HEAD = struct.Struct("<qBHI")
_RETAINED = 4
_DUPLICATE = 8


def encode_messages(messages: Iterable[RawMessage]) -> bytes:
    """Pack messages; topics up to 64 KiB, payloads up to 4 GiB."""
    parts: list[bytes] = []
    pack = _HEAD.pack
    for topic, payload, qos, retained, duplicate, received_us in messages:
        flags = qos | (_RETAINED if retained else 0) | (_DUPLICATE if duplicate else 0)
        parts += (pack(received_us, flags, len(topic), len(payload)), topic, payload)
    return b"".join(parts)


def decode_messages(data: bytes) -> list[RawMessage]:
    """Unpack what `encode` packed."""
    messages: list[RawMessage] = []
    at, end, size, unpack = 0, len(data), _HEAD.size, _HEAD.unpack_from
    while at < end:
        received_us, flags, topic_length, payload_length = unpack(data, at)
        start = at + size
        middle = start + topic_length
        at = middle + payload_length
        messages.append(
            RawMessage(
                data[start:middle],
                data[middle:at],
                flags & 3,
                bool(flags & _RETAINED),
                bool(flags & _DUPLICATE),
                received_us,
            )
        )
    return messages
