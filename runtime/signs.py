"""Signs of life from a program to its supervisor, through a pipe: a program that hangs gives none."""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

VARIABLE: Final = "SIGNS_OF_LIFE_FD"
"""Names the pipe's writing end; not set where nobody listens."""


class Signs:
    """Given about each second by what everything else in the program depends on; costs a system call."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        number = environment.get(VARIABLE, "")
        self._to = int(number) if number.isdecimal() else None

    def give(self) -> None:
        """Say that we are alive; whether anybody listens does not matter."""
        if self._to is not None:
            with suppress(OSError):
                os.write(self._to, b".")


class Listener:
    """The supervisor's end."""

    def __init__(self) -> None:
        self._from, self.writer = os.pipe()
        for end in (self._from, self.writer):
            os.set_blocking(end, False)

    def heard(self) -> bool:
        """Tell whether there was a sign since the last call."""
        with suppress(BlockingIOError):
            return len(os.read(self._from, 65_536)) > 0
        return False

    def hand_over(self) -> None:
        """Close our copy of the writing end, once the program has its own."""
        os.close(self.writer)

    def close(self) -> None:
        """Stop listening."""
        os.close(self._from)
