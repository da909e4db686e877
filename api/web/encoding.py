"""How a client is sent something: with Brotli, else with gzip, else as it is."""

import gzip
from typing import Final, Literal

import brotli

Encoding = Literal["br", "gzip"]
ENCODINGS: Final[tuple[Encoding, ...]] = ("br", "gzip")
"""Smallest first; browsers take Brotli over HTTPS and on loopback."""


def choose(accept_encoding: str) -> Encoding | None:
    """Smallest encoding that the client takes; `q=0` says that it does not."""
    wishes = (wish.replace(" ", "").lower().partition(";q=") for wish in accept_encoding.split(","))
    taken = {name for name, _, weight in wishes if weight.strip("0.") or not weight}
    return next((name for name in ENCODINGS if name in taken), None)


def compress(content: bytes, encoding: Encoding, *, quickly: bool = False) -> bytes:
    """Content in this encoding, the same bytes each time; `quickly` in tenths of a millisecond, a tenth larger."""
    if encoding == "br":
        return bytes(brotli.compress(content, quality=5 if quickly else 11))
    return gzip.compress(content, 4 if quickly else 9, mtime=0)
