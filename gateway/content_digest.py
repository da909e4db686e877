"""Digest of a message's content: 64 bit, signed; the same in every process and under every Python."""

import json
import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from devices.samples import Value

_FORMATS: Final = {float: "d", int: "q", bool: "?"}
_NUMBERS: Final = frozenset(_FORMATS)


def digest_of(values: Mapping[str, Value], not_stored: Mapping[str, object] | None = None) -> int:
    """Digest of names, types and values; `not_stored` are fields that came with them and go no further."""
    content = tuple(values.values())
    head, pack = _form(tuple(values), tuple(map(type, content)))
    try:
        body = _as_text(content) if pack is None else pack(*content)
    except struct.error:  # a counter of more than 63 bits
        body = _as_text(content)
    return digest_of_bytes(head + body + (_as_text(not_stored) if not_stored else b""))


def digest_of_bytes(data: bytes) -> int:
    """Digest of bytes as they came."""
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big", signed=True)


def _as_text(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()


@lru_cache(4096)
def _form(names: tuple[str, ...], types: tuple[type, ...]) -> tuple[bytes, Callable[..., bytes] | None]:
    """What precedes values of these names and types, and how numbers are packed; text has no packing."""
    head = _as_text([names, [one.__name__ for one in types]])
    packed = _NUMBERS.issuperset(types)
    return head, struct.Struct("<" + "".join(_FORMATS[one] for one in types)).pack if packed else None
