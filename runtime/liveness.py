"""Signs of life from a program to its supervisor, through a pipe: a program that hangs gives none."""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

VARIABLE: Final = "SIGNS_OF_LIFE_FD"
"""Names the pipe's writing end; not set where nobody listens."""
_WORDS_BYTES: Final = 2000


class LifeSigns:
    """Given about each second by what everything else in the program depends on; costs a system call."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        number = environment.get(VARIABLE, "")
        self._to = int(number) if number.isdecimal() else None

    def give(self) -> None:
        """Say that we are alive; whether anybody listens does not matter."""
        self._write(b".")

    def end(self, words: str) -> None:
        """Say why we end; what is longer than 2,000 bytes is cut."""
        self._write(b"\0" + words.encode(errors="replace")[-_WORDS_BYTES:])

    def _write(self, data: bytes) -> None:
        if self._to is not None:
            with suppress(OSError):
                os.write(self._to, data)


class LifeSignReceiver:
    """The supervisor's end."""

    def __init__(self) -> None:
        self._from, self.writer = os.pipe()
        for end in (self._from, self.writer):
            os.set_blocking(end, False)
        self.last_words = ""
        """Why it ended, in its own words."""

    def heard(self) -> bool:
        """Tell whether there was a sign since the last call."""
        with suppress(BlockingIOError):
            signs, _, words = os.read(self._from, 65_536).partition(b"\0")
            if words:
                self.last_words = words.decode(errors="replace")
            return bool(signs)
        return False

    def hand_over(self) -> None:
        """Close our copy of the writing end, once the program has its own."""
        os.close(self.writer)

    def close(self) -> None:
        """Stop listening."""
        os.close(self._from)
