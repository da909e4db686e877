"""Keeps the memory of a process that runs for months flat: what is no longer used goes back at a steady rate."""

import ctypes
import gc
import time
from typing import Final

EVERY_S: Final = 10.0
_ARENAS: Final = 2
_M_ARENA_MAX: Final = -8
_M_MMAP_THRESHOLD: Final = -3
_MAPPED_BYTES: Final = 4 * 2**20
_LIBC: Final = ctypes.CDLL(None)


def set_up_malloc() -> None:
    """Let glibc keep less of what is freed: threads share a few arenas, where each would keep memory of its own.

    Large pieces, such as the 19 MiB of a password's hash, go back to the system when they are freed; left to itself
    glibc keeps room for as much as the largest. Called before the first thread starts.
    """
    if hasattr(_LIBC, "mallopt"):
        _LIBC.mallopt(_M_ARENA_MAX, _ARENAS)
        _LIBC.mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)


class GarbageTidying:
    """Looked at by the main thread, begun when all is loaded.

    Passes and answers make many short-lived values and few cycles: looking for cycles at the usual rate costs a third
    of the time of a pass, and a tenth of a second amid an answer. Statements and errors are cycles, and hold what they
    were about: left alone they would pile up for minutes.
    """

    def __init__(self) -> None:
        gc.freeze()
        gc.set_threshold(100_000, 50, 1000)
        self._next = time.monotonic() + EVERY_S

    def tidy_when_due(self) -> None:
        """When due, collect young garbage and give free memory back to the system; takes some milliseconds."""
        if time.monotonic() < self._next:
            return
        gc.collect(1)
        if hasattr(_LIBC, "malloc_trim"):
            _LIBC.malloc_trim(0)
        self._next = time.monotonic() + EVERY_S
