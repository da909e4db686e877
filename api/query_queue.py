"""So many questions are answered at once; others wait, and callers take turns."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar

from anyio import CapacityLimiter, to_thread

from api.problems import TooBusy, TooManyRequests
from application.telemetry.query_budget import QueryBudget, QueryCancelled
from devices.errors import LauternError

T = TypeVar("T")
_RETRY_S: Final = 10


class QueryQueue:
    """Used on the event loop only; its questions run in threads of its own, which nothing light waits for."""

    def __init__(self, at_once: int, *, waiting: int, waiting_per_caller: int, patience_s: float) -> None:
        self._at_once = at_once
        self._most_waiting = waiting
        self._most_per_caller = waiting_per_caller
        self._patience_s = patience_s
        self._running: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._threads = CapacityLimiter(at_once)

    @asynccontextmanager
    async def turn(self, caller: str, gone: asyncio.Event) -> AsyncIterator[None]:
        """Wait for a turn, and hold it while the block runs. Raises TooManyRequests, TooBusy, QueryCancelled."""
        if self._running.total() < self._at_once and not self._waiting:
            self._running[caller] += 1
        else:
            await self._queue(caller, gone)
        try:
            yield
        finally:
            self._running[caller] -= 1
            self._running += Counter()
            self._call_next()

    async def run(self, work: Callable[[QueryBudget], T], budget: QueryBudget) -> T:
        """Answer in a thread of this lane; call it within a turn."""
        return await to_thread.run_sync(partial(work, budget), limiter=self._threads)

    async def _queue(self, caller: str, gone: asyncio.Event) -> None:
        mine = self._waiting.setdefault(caller, deque())
        if len(mine) >= self._most_per_caller:
            raise TooManyRequests("your_questions_wait", retry_after_s=_RETRY_S)
        if sum(map(len, self._waiting.values())) >= self._most_waiting:
            self._forget_empty(caller)
            raise TooBusy("questions_wait", retry_after_s=_RETRY_S)
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        mine.append(called)
        left = asyncio.ensure_future(gone.wait())
        either: tuple[asyncio.Future[Any], ...] = (called, left)
        try:
            await asyncio.wait(either, timeout=self._patience_s, return_when=asyncio.FIRST_COMPLETED)
            if not called.done():
                raise _given_up(gone)
        except BaseException:
            if called.done():
                self._running[caller] -= 1
                self._call_next()
            raise
        finally:
            left.cancel()
            if called in mine:
                mine.remove(called)
            self._forget_empty(caller)

    def _call_next(self) -> None:
        """Give free turns to who waits: first those of whom the fewest run, in the order in which they came."""
        while self._waiting and self._running.total() < self._at_once:
            caller = min(self._waiting, key=lambda c: self._running[c])
            mine = self._waiting[caller]
            called = mine.popleft()
            self._waiting.move_to_end(caller)
            self._forget_empty(caller)
            self._running[caller] += 1
            called.set_result(None)

    def _forget_empty(self, caller: str) -> None:
        if not self._waiting.get(caller, True):
            del self._waiting[caller]


def _given_up(gone: asyncio.Event) -> LauternError:
    if gone.is_set():
        return QueryCancelled()
    return TooBusy("others_took_too_long", retry_after_s=_RETRY_S)
