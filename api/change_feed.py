"""One task per process reads the table of changes and hands each to every client of the live stream."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog
from pydantic_core import to_json

from api.metrics import ApiMetrics
from application.ports.changes import Change, ChangeFeed
from application.ports.registry import Registry
from devices.errors import RegistryUnavailable
from devices.time_us import rfc3339

PAGE: Final = 500
_LOG = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class EncodedChange:
    """A change and its `data` lines, encoded once for all clients."""

    change: Change
    frame: bytes


def encode_change(change: Change) -> EncodedChange:
    """Encode as a server-sent event whose id is the change's."""
    data: dict[str, Any] = {"at": rfc3339(change.at_us), "tenant_id": change.tenant_id, "kind": change.kind}
    data["data"] = change.data
    return EncodedChange(
        change, b"id: %d\nevent: %s\ndata: %s\n\n" % (change.change_id, change.topic.encode(), to_json(data))
    )


class ChangeSubscription:
    """Bounded queue of one client; used on the event loop only."""

    def __init__(self, joined: int, bound: int) -> None:
        self.joined = joined
        """Changes after this id come by the queue."""
        self.overflowed = False
        self.ended = False
        self._queue: deque[EncodedChange] = deque()
        self._bound = bound
        self._woken = asyncio.Event()

    def offer(self, told: Sequence[EncodedChange]) -> None:
        """Queue, or give up on a client that does not read."""
        if len(self._queue) + len(told) > self._bound:
            self._queue.clear()
            self.overflowed = True
        elif not self.overflowed:
            self._queue.extend(told)
        self._woken.set()

    def end(self) -> None:
        """Wake the client for the last time."""
        self.ended = True
        self._woken.set()

    async def wait_for_changes(self) -> Sequence[EncodedChange]:
        """Wait for changes; empty when overflowed or ended."""
        if not (self._queue or self.overflowed or self.ended):
            self._woken.clear()
            await self._woken.wait()
        taken = tuple(self._queue)
        self._queue.clear()
        return taken


class ChangeFeedReader:
    """Started and stopped by the application's lifespan; used on the event loop only."""

    def __init__(self, registry: Registry, metrics: ApiMetrics, *, poll_s: float = 0.2, bound: int = 2_000) -> None:
        self._registry = registry
        self._metrics = metrics
        self._poll_s = poll_s
        self._bound = bound
        self._subscriptions: set[ChangeSubscription] = set()
        self._position: int | None = None
        self._ready = asyncio.Event()
        self._stopped = asyncio.Event()
        self._stirred = asyncio.Event()

    async def run(self) -> None:
        """Read changes until stopped; outlives the registry's absence."""
        while not self._stopped.is_set():
            try:
                more = await self._step()
            except RegistryUnavailable as error:
                _LOG.warning("changes_unreadable", error=str(error))
                more = False
            if not more:
                await wait_for(self._stopped, self._poll_s)

    async def _step(self) -> bool:
        if self._position is None:
            self._position = await asyncio.to_thread(self._newest)
            self._ready.set()
            return False
        told = await asyncio.to_thread(self.after, self._position)
        if not told:
            return False
        self._position = told[-1].change.change_id
        for subscription in self._subscriptions:
            subscription.offer(told)
        if any(t.change.topic == "command" for t in told):
            stirred, self._stirred = self._stirred, asyncio.Event()
            stirred.set()
        return len(told) == PAGE

    def _newest(self) -> int:
        with self._registry.read() as tx:
            return tx.get(ChangeFeed).newest()

    def after(self, change_id: int) -> Sequence[EncodedChange]:
        """Changes after the id, a page at most. Blocks; raises RegistryUnavailable."""
        with self._registry.read() as tx:
            return [encode_change(c) for c in tx.get(ChangeFeed).after(change_id, PAGE)]

    def kept(self) -> tuple[int, int]:
        """Ids of the oldest and newest change kept. Blocks; raises RegistryUnavailable."""
        with self._registry.read() as tx:
            changes = tx.get(ChangeFeed)
            return changes.oldest(), changes.newest()

    async def ready(self, seconds: float) -> bool:
        """Wait until the position is known, or the server stops, at most so long; tells whether it came."""
        return await wait_for(self._ready, seconds)

    @contextmanager
    def subscribe(self) -> Iterator[ChangeSubscription]:
        """Queue everything after the present position, for as long as the block lasts."""
        subscription = ChangeSubscription(self._position or 0, self._bound)
        if self._stopped.is_set():
            subscription.end()
        self._subscriptions.add(subscription)
        self._metrics.stream_clients.inc()
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            self._metrics.stream_clients.dec()

    @property
    def position(self) -> int:
        """Id of the last change handed out."""
        return self._position or 0

    @property
    def stopped(self) -> bool:
        """True once the server stops."""
        return self._stopped.is_set()

    def ticket(self) -> asyncio.Event:
        """Event that is set at the next change of any command; take it before reading the command."""
        return self._stirred

    def stop(self) -> None:
        """End all streams and the reading. Call it when the server begins to stop, else it waits for the clients."""
        self._stopped.set()
        self._ready.set()
        self._stirred.set()
        for subscription in self._subscriptions:
            subscription.end()


async def wait_for(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, at most so many seconds; tells whether it came."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
