"""What one question may cost: rows read and bytes held; and its end from outside, when whoever asked has left."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from devices.errors import CodedError, Invalid, LauternError

KEPT_BYTES: Final = 8
"""Of a number that is kept to be ranked."""
ANSWER_BYTES: Final = 250
"""Of a number of an answer: its name, its text, and the objects around it."""


class QueryTooLarge(Invalid):
    """This asks for more than one request may read at once."""


class QueryTooSlow(CodedError):
    """The answer took longer than a request may take."""


class QueryCancelled(LauternError):
    """Whoever asked has left."""


class QueryBudget:
    """Thread-safe: stores spend it while they read, who asked may end it. Without bounds nothing is too much."""

    def __init__(self, rows: int | None = None, held_bytes: int | None = None) -> None:
        self._most_rows = rows
        self._most_bytes = held_bytes
        self._lock = threading.Lock()
        self._ended: LauternError | None = None
        self._interrupts: list[Callable[[], None]] = []
        self.rows = 0
        """Read so far."""
        self.held_bytes = 0
        """About so much memory is taken by what was read."""

    def read(self, rows: int) -> None:
        """Count rows as they are read. Raises QueryTooLarge, and what the question was ended with."""
        self.go_on()
        self.rows += rows
        if self._most_rows is not None and self.rows > self._most_rows:
            raise QueryTooLarge("too_many_samples", most=self._most_rows, field="query.from")

    def hold(self, held_bytes: int) -> None:
        """Count memory as it is taken. Raises QueryTooLarge."""
        self.held_bytes += held_bytes
        if self._most_bytes is not None and self.held_bytes > self._most_bytes:
            raise QueryTooLarge(
                "more_than_fits_in_memory",
                field="query.fields",
            )

    def go_on(self) -> None:
        """Raise what the question was ended with, if it was."""
        if self._ended is not None:
            raise self._ended

    @property
    def ended(self) -> LauternError | None:
        """What the question was ended with."""
        return self._ended

    @property
    def is_asking(self) -> bool:
        """Whether something is under way that `end` would interrupt."""
        return bool(self._interrupts)

    def end(self, why: LauternError) -> None:
        """End the question: what reads for it is interrupted, and raises `why`. The first reason stays."""
        with self._lock:
            self._ended = self._ended or why
            for interrupt in self._interrupts:
                interrupt()

    @contextmanager
    def interruptible(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Let `end` call `interrupt`, from another thread, while the block runs; errors of its doing become the reason.

        `interrupt` must be quick, harmless when repeated, and is never called after the block.
        """
        with self._lock:
            self.go_on()
            self._interrupts.append(interrupt)
        try:
            yield
        except Exception as error:
            if self._ended is not None and error is not self._ended:
                raise self._ended from error
            raise
        finally:
            with self._lock:
                self._interrupts.remove(interrupt)
