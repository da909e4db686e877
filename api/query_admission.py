"""Lets in what reads much: bounded at once and per caller, in turn, and ended when whoever asked leaves."""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Annotated, Any, Final, TypeVar, cast

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Send

from api.authentication import Who
from api.csv_response import FileDownload
from api.limits import ApiLimits
from api.problems import TooBusy, TooManyRequests
from api.query_queue import QueryQueue
from api.rate_limiter import RateLimiter
from application.access.actor import Actor
from application.telemetry.query_budget import QueryBudget, QueryCancelled, QueryTooLarge, QueryTooSlow

SMALL_ROWS: Final = 20_000
"""Questions that are expected to read so few rows do not wait for large ones."""
_SMALL_MOST: Final = 3 * SMALL_ROWS
_SMALL_AT_ONCE: Final = 4
_WAITING: Final = 200
_WAITING_PER_CALLER: Final = 50
_PATIENCE_S: Final = 20.0
_ALLOWANCE_S: Final = 240.0
"""Seconds of work on large questions that one caller may use at once; they come back as time passes."""
_LARGER_REMEMBERED: Final = 1_000
_STALLED_S: Final = 60.0
_MIB: Final = 1 << 20
T = TypeVar("T")


class QueryAdmission:
    """Of one application; used on the event loop only."""

    def __init__(self, limits: ApiLimits) -> None:
        self.limits = limits
        patience = {"waiting": _WAITING, "waiting_per_caller": _WAITING_PER_CALLER, "patience_s": _PATIENCE_S}
        self.small = QueryQueue(_SMALL_AT_ONCE, **cast("Any", patience))
        self.large = QueryQueue(limits.queries_at_once, **cast("Any", patience))
        self.spent = RateLimiter(per_s=1.0, burst=_ALLOWANCE_S)
        self.larger: OrderedDict[str, None] = OrderedDict()
        """Questions that read more than expected."""
        self.downloads: Counter[str] = Counter()
        self.download_threads = CapacityLimiter(2)

    def remember(self, about: str) -> None:
        """Note a question that was larger than expected; those of long ago are forgotten."""
        if about:
            self.larger[about] = None
            if len(self.larger) > _LARGER_REMEMBERED:
                self.larger.popitem(last=False)

    def budget(self, rows: int) -> QueryBudget:
        """Of one question."""
        return QueryBudget(min(rows, self.limits.query_rows), self.limits.query_memory_mb * _MIB)


class AdmittedQuery:
    """One request that reads much, from its caller's arrival until it is answered."""

    def __init__(self, queries: QueryAdmission, who: Actor) -> None:
        self._queries = queries
        self._caller = f"{who.tenant_id} {who.actor}"
        self._gone = asyncio.Event()
        self._budgets: list[QueryBudget] = []
        self._downloads = 0

    async def answer(self, work: Callable[[QueryBudget], T], *, rows: float, about: str = "") -> T:
        """Have `work` done in a thread when it is its turn; it is expected to read so many rows.

        `about`: names questions that were larger than expected once, and do not try to be small again.

        Raises what the work raises, QueryTooLarge, QueryTooSlow, TooManyRequests, TooBusy.
        """
        try:
            return await self._answer(work, rows, about)
        except QueryCancelled as error:
            raise ClientDisconnect from error

    async def _answer(self, work: Callable[[QueryBudget], T], rows: float, about: str) -> T:
        queries = self._queries
        if rows <= SMALL_ROWS and about not in queries.larger:
            with suppress(_MoreThanExpectedError):
                return await self._in(queries.small, work, queries.budget(_SMALL_MOST))
            queries.remember(about)
        wait_s = queries.spent.wait_s(self._caller, time.monotonic())
        if wait_s > 0:
            raise TooManyRequests("your_time_is_up", retry_after_s=wait_s)
        return await self._in(queries.large, work, queries.budget(queries.limits.query_rows))

    async def _in(self, lane: QueryQueue, work: Callable[[QueryBudget], T], budget: QueryBudget) -> T:
        queries, loop = self._queries, asyncio.get_running_loop()
        self._budgets.append(budget)
        async with lane.turn(self._caller, self._gone):
            began = time.monotonic()
            late = QueryTooSlow("answer_took_too_long", most=queries.limits.query_seconds)
            timer = loop.call_later(queries.limits.query_seconds, budget.end, late)
            try:
                return await lane.run(work, budget)
            except QueryTooLarge as error:
                if lane is queries.small and budget.rows > _SMALL_MOST:
                    raise _MoreThanExpectedError from error
                raise
            finally:
                timer.cancel()
                if lane is queries.large:
                    now = time.monotonic()
                    queries.spent.charge(self._caller, now - began, now)

    async def download(self, begin: Callable[[QueryBudget], FileDownload]) -> StreamingResponse:
        """Send a file as it is read, in bounded memory; what fails before its first block still becomes a problem."""
        queries, limits = self._queries, self._queries.limits
        if queries.downloads[self._caller] >= limits.downloads_per_caller:
            raise TooManyRequests("your_downloads_run", most=limits.downloads_per_caller, retry_after_s=10)
        if queries.downloads.total() >= limits.downloads:
            raise TooBusy("downloads_run", most=limits.downloads, retry_after_s=30)
        queries.downloads[self._caller] += 1
        self._downloads += 1
        budget = QueryBudget()
        self._budgets.append(budget)
        try:
            file = await to_thread.run_sync(begin, budget, limiter=queries.download_threads)
        except QueryCancelled as error:
            raise ClientDisconnect from error
        return _File(self._blocks(file, budget), media_type=file.media_type, headers=file.headers)

    async def _blocks(self, file: FileDownload, budget: QueryBudget) -> AsyncIterator[bytes]:
        blocks = iter(file.blocks)
        following = partial(_next, blocks, budget)
        while True:
            try:
                block = await to_thread.run_sync(following, limiter=self._queries.download_threads)
            except QueryCancelled as error:
                raise ClientDisconnect from error
            if block is None:
                return
            yield block

    async def watch(self, request: Request) -> None:
        """Wait for the caller to leave; then nothing more is read for him."""
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self.end()

    def end(self) -> None:
        """Nothing more is asked for."""
        self._gone.set()
        for budget in self._budgets:
            budget.end(QueryCancelled())
        downloads = self._queries.downloads
        downloads[self._caller] -= self._downloads
        self._downloads = 0
        if not downloads[self._caller]:
            del downloads[self._caller]


class _MoreThanExpectedError(Exception):
    pass


class _File(StreamingResponse):
    """A client that takes nothing for a minute is not waited for."""

    async def stream_response(self, send: Send) -> None:
        async def patiently(message: Any) -> None:  # noqa: ANN401 - ASGI's
            try:
                async with asyncio.timeout(_STALLED_S):
                    await send(message)
            except TimeoutError as error:
                raise ClientDisconnect from error

        await super().stream_response(patiently)


def _next(blocks: Iterator[bytes], budget: QueryBudget) -> bytes | None:
    budget.go_on()
    return next(blocks, None)


@asynccontextmanager
async def _asked(request: Request, who: Actor) -> AsyncIterator[AdmittedQuery]:
    question = AdmittedQuery(cast("QueryAdmission", request.app.state.queries), who)
    watching = asyncio.create_task(question.watch(request), name="question")
    try:
        yield question
    finally:
        watching.cancel()
        question.end()


async def _question(request: Request, who: Who) -> AsyncIterator[AdmittedQuery]:
    async with _asked(request, who) as question:
        yield question


Ask = Annotated[AdmittedQuery, Depends(_question)]
"""Annotate the parameter of a route with this that reads series, or long lists; only for requests without a body."""
