"""Cuts a range of one series into pages of bounded size, however sparse or dense its samples are."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Final, TypeVar

from devices.time_us import MINUTE_US, SECOND_US

PAGE: Final = 2_000
"""Samples per page, about."""
WINDOWS: Final = 2_000
_MOST_VALUES: Final = 100 * PAGE
"""Rows of an answer: one for each field of each sample."""
T = TypeVar("T")
Span = tuple[int, int]


def one_page_is_enough(from_us: int, to_us: int, interval_s: float, limit: int | None) -> bool:
    """True when as many samples as usually arrive in the range fit in a page, and all of them are wanted."""
    return limit is None and to_us - from_us <= PAGE * interval_s * SECOND_US


class TooDenseError(Exception):
    """More samples than usual: the range must be counted before it is read."""


def one_page(answer: Iterable[T]) -> Iterator[T]:
    """Rows of what should be one page. Raises TooDenseError when it is many."""
    for number, row in enumerate(answer):
        if number == _MOST_VALUES:
            raise TooDenseError
        yield row


def counting_window(from_us: int, to_us: int) -> timedelta:
    """Width for counting: whole minutes, so that there are about 2,000 windows at most."""
    minutes = max(1, -(-(to_us - from_us) // (WINDOWS * MINUTE_US)))
    return timedelta(minutes=minutes)


def series_pages(
    counts: Sequence[tuple[int, int]], width: timedelta, to_us: int, page: int, *, newest_first: bool
) -> Iterator[Span]:
    """Pages [from, to) in the order of reading, out of the start and count of each window that has samples."""
    width_us = width // timedelta(microseconds=1)
    waiting: Span | None = None
    filled = 0
    for start_us, count in sorted(counts, reverse=newest_first):
        end_us = min(to_us, start_us - start_us % width_us + width_us)
        if waiting is not None and filled + count > page:
            yield waiting
            waiting, filled = None, 0
        if count > 2 * page:
            yield from _split(start_us, end_us, -(-count // page), newest_first=newest_first)
            continue
        waiting = (start_us, end_us) if waiting is None else (min(start_us, waiting[0]), max(end_us, waiting[1]))
        filled += count
    if waiting is not None:
        yield waiting


def _split(start_us: int, end_us: int, pieces: int, *, newest_first: bool) -> list[Span]:
    edges = [start_us + (end_us - start_us) * number // pieces for number in range(pieces + 1)]
    spans = list(pairwise(edges))
    return spans[::-1] if newest_first else spans
