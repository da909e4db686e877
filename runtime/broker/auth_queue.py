"""Connects that wait to be judged: logins we know first, and of all others addresses and users in turn."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

import structlog
from nats.aio.msg import Msg

from devices.network_addresses import address_neighbourhood
from runtime.broker.jwt_signer import AuthRequest
from runtime.broker.nats_conf import ASKED_S

log = structlog.get_logger()
MOST: Final = 20_000
"""Of each of the two; a town that comes back at once is half of it."""
TOLD_AGAIN_S: Final = 60.0


class _Turns:
    """Takes one of each address in turn, and of each address one of each user in turn."""

    def __init__(self) -> None:
        self._addresses: OrderedDict[str, OrderedDict[str, deque[tuple[AuthRequest, Msg, float]]]] = OrderedDict()
        self.size = 0

    def put(self, request: AuthRequest, message: Msg, now_s: float) -> None:
        users = self._addresses.setdefault(address_neighbourhood(request.address), OrderedDict())
        users.setdefault(request.user, deque()).append((request, message, now_s))
        self.size += 1

    def next_request(self) -> tuple[AuthRequest, Msg, float]:
        address, users = self._addresses.popitem(last=False)
        user, waiting = users.popitem(last=False)
        taken = waiting.popleft()
        self.size -= 1
        if waiting:
            users[user] = waiting
        if users:
            self._addresses[address] = users
        return taken


class AuthQueue:
    """Used in one event loop. What waited as long as the broker does is dropped: nobody waits for it any more."""

    def __init__(self, is_known: Callable[[AuthRequest], bool], clock_s: Callable[[], float] = time.monotonic) -> None:
        self._is_known = is_known
        self._clock_s = clock_s
        self._known, self._strangers = _Turns(), _Turns()
        self._come = asyncio.Event()
        self._told_s = -TOLD_AGAIN_S
        self.dropped = 0
        """Since start: too late, or one too many."""

    def put(self, request: AuthRequest, message: Msg) -> None:
        """Let it wait; where too many do it gets no answer, and is refused by the broker when its time is over."""
        turns = self._known if self._is_known(request) else self._strangers
        if turns.size >= MOST:
            self._drop()
            return
        turns.put(request, message, self._clock_s())
        self._come.set()

    async def next_request(self) -> tuple[AuthRequest, Msg]:
        """Wait for the next."""
        while True:
            turns = self._known if self._known.size else self._strangers
            if not turns.size:
                self._come.clear()
                await self._come.wait()
                continue
            request, message, since_s = turns.next_request()
            if self._clock_s() - since_s <= ASKED_S:
                return request, message
            self._drop()

    def _drop(self) -> None:
        self.dropped += 1
        if self._clock_s() - self._told_s >= TOLD_AGAIN_S:
            self._told_s = self._clock_s()
            log.warning("connects_dropped", dropped=self.dropped, waiting=self._known.size + self._strangers.size)
