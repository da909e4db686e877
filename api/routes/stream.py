"""The live stream: server-sent events, resumed by their id."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from api.authentication import Who, may_still_follow
from api.change_feed import PAGE, ChangeFeedReader, ChangeSubscription, EncodedChange, encode_change
from api.live_stream_limits import claim_stream
from api.metrics import ApiMetrics
from api.services import Use
from application.access import authorization
from application.access.actor import Actor
from application.ports.changes import Change
from devices.errors import RegistryUnavailable

HEARTBEAT_S: Final = 15.0
"""So often at least something is sent, and it is asked whether the client may still follow."""
_SEND_S: Final = 30.0
_RETRY: Final = b"retry: 2000\n"
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Changes as they happen"}
}
Names = Annotated[
    str, Query(pattern=r"^([a-z_]{1,64}(,[a-z_]{1,64}){0,31})?$", description="Such as `a,b`; all when absent.")
]
router = APIRouter(tags=["live"])


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """What one client is told."""

    who: Actor
    visible: authorization.VisibleThings
    topics: frozenset[str]

    def frame(self, told: EncodedChange) -> bytes:
        """What the client may and wants to know of a change, as sent; empty for nothing."""
        change = told.change
        if self._lets(change):
            return told.frame
        if not self.visible.assets or not self.who.is_at_home(change.tenant_id):
            return b""
        if self.topics and change.topic not in self.topics:
            return b""
        left = _of_assets(change.data, self.visible.assets)
        return encode_change(replace(change, data=left)).frame if left else b""

    def _lets(self, change: Change) -> bool:
        if self.topics and change.topic not in self.topics:
            return False
        if change.kind is None:
            return change.topic == "system" and change.tenant_id in {None, self.who.tenant_id}
        return change.kind in self.visible.kinds and self.who.is_at_home(change.tenant_id)


def _of_assets(data: Mapping[str, Any], asset_ids: Collection[str]) -> Mapping[str, Any]:
    """What of a change concerns some assets only; empty when nothing does."""
    if "commands" in data:
        commands = {i: c for i, c in data["commands"].items() if c.get("asset_id") in asset_ids}
        return {"commands": commands} if commands else {}
    if "devices" in data:
        devices = [d for d in data["devices"] if d.get("device_id") in asset_ids]
        return {"devices": devices} if devices else {}
    return data if data.get("asset_id") in asset_ids else {}


class ChangeStream(StreamingResponse):
    """Writes the changes a filter lets pass, beginning after an id, until the client, his rights or the server go."""

    def __init__(
        self,
        tail: ChangeFeedReader,
        metrics: ApiMetrics,
        which: ChangeFilter,
        after: int | None,
        may_stay: Callable[[], bool],
    ) -> None:
        super().__init__((), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._tail = tail
        self._metrics = metrics
        self._filter = which
        self._told = after
        self._may_stay = may_stay
        self._send: Send
        self._written = 0.0

    async def stream_response(self, send: Send) -> None:
        """Send the whole stream."""
        self._send = send
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        while not await self._tail.ready(HEARTBEAT_S):
            await self._write(b": the registry is away\n\n")
        with self._tail.subscribe() as subscription:
            try:
                await self._replay(subscription)
                await self._follow(subscription)
            except TimeoutError:
                self._metrics.stream_resets.labels("stuck").inc()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _replay(self, subscription: ChangeSubscription) -> None:
        after = self._told
        self._told = subscription.joined
        if after is None:
            await self._write(_RETRY + _mark(subscription.joined))
            return
        oldest, newest = await asyncio.to_thread(self._tail.kept)
        if after < oldest - 1 or after > newest:
            await self._reset("too_old" if after < oldest else "unknown_id", subscription.joined)
            return
        await self._write(_RETRY + _mark(after))
        while after < subscription.joined:
            page = await asyncio.to_thread(self._tail.after, after)
            await self._tell(t for t in page if t.change.change_id <= subscription.joined)
            if len(page) < PAGE:
                break
            after = page[-1].change.change_id

    async def _follow(self, subscription: ChangeSubscription) -> None:
        asked = time.monotonic()
        while not subscription.ended:
            try:
                async with asyncio.timeout(self._written + HEARTBEAT_S - time.monotonic()):
                    told = await subscription.wait_for_changes()
            except TimeoutError:
                told = ()
            if time.monotonic() - asked >= HEARTBEAT_S:
                if not await asyncio.to_thread(self._stays):
                    return
                asked = time.monotonic()
            if subscription.overflowed:
                await self._reset("too_slow", self._tail.position)
                return
            if told:
                await self._tell(told)
                self._told = told[-1].change.change_id
            if time.monotonic() - self._written >= HEARTBEAT_S:
                # Also when much happens of which nothing is for this client.
                await self._write(b": alive\n" + _mark(self._told or 0))

    async def _tell(self, told: Iterable[EncodedChange]) -> None:
        frames = b"".join(map(self._filter.frame, told))
        if frames:
            await self._write(frames)

    def _stays(self) -> bool:
        try:
            return self._may_stay()
        except RegistryUnavailable:
            return True

    async def _reset(self, reason: str, position: int) -> None:
        self._metrics.stream_resets.labels(reason).inc()
        await self._write(b'id: %d\nevent: reset\ndata: {"reason":"%s"}\n\n' % (position, reason.encode()))

    async def _write(self, frames: bytes) -> None:
        self._written = time.monotonic()
        async with asyncio.timeout(_SEND_S):
            await self._send({"type": "http.response.body", "body": frames, "more_body": True})


@router.get(
    "/stream",
    response_class=Response,
    responses=_ANSWERS,
    dependencies=[Depends(claim_stream)],
)
async def stream(  # noqa: PLR0917
    who: Who,
    services: Use,
    request: Request,
    topics: Names = "",
    kinds: Names = "",
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", pattern=r"^\d{1,18}$")] = None,
    after: Annotated[int | None, Query(ge=0, lt=10**18, description="As Last-Event-ID, for the first connect.")] = None,
) -> Response:
    """Follow changes: `id` is the change's, `event` its topic; `event: reset` says that some are lost: read afresh."""
    tail = cast("ChangeFeedReader", request.app.state.tail)
    wanted = frozenset(filter(None, kinds.split(",")))
    visible = authorization.visible_things(who, services.catalog)
    if wanted:
        partly = who.some_kinds(services.catalog) & wanted - visible.kinds
        visible = replace(visible, kinds=visible.kinds & wanted, assets=who.some_assets(partly))
    which = ChangeFilter(who, visible, frozenset(filter(None, topics.split(","))))
    begin = after if last_event_id is None else int(last_event_id)
    return ChangeStream(
        tail, cast("ApiMetrics", request.app.state.metrics), which, begin, partial(may_still_follow, request, services)
    )


def _mark(change_id: int) -> bytes:
    """Return an event without data: the client keeps the id, so that it resumes from here."""
    return b"id: %d\n\n" % change_id
