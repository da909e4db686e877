"""Says on standard error how far something is, not more often than people want to read it."""

import time
from collections.abc import Callable
from typing import Final

import typer

EVERY_S: Final = 3.0


def say_line(text: str) -> None:
    """One line; what an archive says may hold nothing that a terminal would obey."""
    typer.echo("".join(one if one.isprintable() else "\ufffd" for one in text), err=True)


class ArchiveProgress:
    """Of one thing; called as often as one likes."""

    def __init__(self, what: str, write: Callable[[str], None] = say_line) -> None:
        self._what = what
        self._write = write
        self._next = time.monotonic() + EVERY_S

    def __call__(self, done: int, of: int) -> None:
        """Say the share that is done."""
        self._say(f"{100 * done // max(1, of)} %")

    def number(self, done: int, unit: str) -> None:
        """Say how many."""
        self._say(f"{done:,} {unit}")

    def _say(self, text: str) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY_S
            self._write(f"  {self._what}: {text}")


def readable_size(number: int) -> str:
    """Bytes for people."""
    for unit, step in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= step:
            return f"{number / step:.1f} {unit}"
    return f"{number} bytes"
