"""Keeps secrets, control characters and floods of text out of the audit log."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from pydantic import JsonValue

REDACTED: Final = "[redacted]"
LONGEST_DETAIL: Final = 4096
"""Bytes of an entry's detail as JSON."""
LONGEST_TEXT: Final = 1000
MOST: Final = 200
DEEPEST: Final = 6
_WORDS: Final = re.compile(
    r"authorization|cookie|credentials?|invitation|otp|passphrase|passwd|passwort|password|pin|psk|secret|session"
    r"|signature|token"
)
_NAMES: Final = frozenset({"key", "api_key", "apikey", "private_key", "current", "new", "link", "pem", "hash"})
_MEANT_TO_BE_SEEN: Final = re.compile(r".*_(id|ids|count|at|us|expires|name)")
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_SECRET: Final = re.compile(
    r"lk[0-9a-f]{10}\.[A-Za-z0-9_-]{20,}"  # our keys
    r"|(?i:bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"
    r"|(?i:token|secret|password|passwd|session)=[^\s&#]+"
    r"|(?<=://)[^/@\s]*:[^/@\s]*(?=@)"
    r"|\$argon2[a-z]*\$\S+"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"  # JSON web tokens
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*"
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def redact_text(text: str, longest: int = LONGEST_TEXT) -> str:
    """The text without control characters and secrets, cut at `longest` characters."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", _SECRET.sub(REDACTED, text[: 4 * longest]))[:longest]


def without_secrets(detail: Mapping[str, object]) -> dict[str, JsonValue]:
    """A detail without values whose name or form is that of a secret; one that is too large becomes its size."""
    kept = _mapping(detail, 0)
    size = len(json.dumps(kept).encode())
    if size <= LONGEST_DETAIL:
        return kept
    fields: list[JsonValue] = [*sorted(kept)[:20]]
    return {"too_large_bytes": size, "fields": fields}


def is_secret(name: str) -> bool:
    """Tell whether a field of this name holds a secret."""
    lowered = name.lower()
    if lowered in _NAMES:
        return True
    return not _MEANT_TO_BE_SEEN.fullmatch(lowered) and any(_WORDS.fullmatch(w.lower()) for w in _WORD.findall(name))


def _mapping(values: Mapping[Any, object], depth: int) -> dict[str, JsonValue]:
    shown = list(values.items())[:MOST]
    return {
        redact_text(str(k), 64): REDACTED if is_secret(str(k)) and v is not None else _value(v, depth) for k, v in shown
    }


def _value(value: object, depth: int) -> JsonValue:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return REDACTED if depth >= DEEPEST else _nested(value, depth + 1)
    return redact_text(str(value))


def _number(value: float) -> JsonValue:
    """The number; words for one that JSON, or a reader of it, may not know."""
    return value if abs(value) < 2.0**63 else "no number of 64 bits"


def _nested(value: Mapping[Any, object] | Collection[object], depth: int) -> JsonValue:
    if isinstance(value, Mapping):
        return _mapping(value, depth)
    return [_value(v, depth) for v in list(value)[:MOST]]
