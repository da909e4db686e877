"""Passwords: argon2id by pwdlib, few at a time, so that a flood of guesses takes neither memory nor the processor."""

import secrets
import threading
from typing import Final

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from api.problems import TooManyRequests
from devices.errors import Invalid

SHORTEST: Final = 12
LONGEST: Final = 256
AT_ONCE: Final = 1
WAITING_S: Final = 5.0
_HASHES: Final = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),))
"""OWASP's second choice of parameters: 19 MiB each."""
_NOBODYS: Final = _HASHES.hash(secrets.token_urlsafe(16))
_ROOM: Final = threading.BoundedSemaphore(AT_ONCE)


class Busy(TooManyRequests):
    """Too many passwords are being checked; try again in a moment."""


def hash_password(password: str, user_id: str, field: str = "new") -> str:
    """Return what to store of a new password. Raises Invalid when it is too easy to guess, Busy."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid("password_length", least=SHORTEST, most=LONGEST, field=field)
    if user_id.casefold() in password.casefold() or len(set(password)) < 5:
        raise Invalid("password_too_simple", field=field)
    with _Room():
        return _HASHES.hash(password)


def password_matches(password: str, stored: str | None) -> bool:
    """Tell whether a password is the stored one; takes as long when nothing is stored. Raises Busy."""
    with _Room():
        return _HASHES.verify(password[: LONGEST + 1], stored or _NOBODYS) and stored is not None


class _Room:
    def __enter__(self) -> None:
        if not _ROOM.acquire(timeout=WAITING_S):
            raise Busy(retry_after_s=5)

    def __exit__(self, *_: object) -> None:
        _ROOM.release()
