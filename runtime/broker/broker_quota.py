"""Counts by login what a nats-server receives, in its own figures: without the gateway, and before what it reads."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nats.aio.client import Client

from application.message_quota import MessageQuotas, QuotaExceeded, QuotaMeter
from runtime.broker.connection_counts import ConnectionCount, ConnectionCounts
from runtime.broker.nats_conf import DEVICES
from runtime.broker.nats_requests import ask_server

_LANES: Final = 2
"""The server does not tell telemetry from control: a login may say here what it may on both."""
_MOST: Final = 200_000
"""More than a server takes."""
_MARGIN: Final = 50
_CLOSED_KEPT: Final = 10_000
"""nats-server remembers so many connections that ended."""
_PART: Final = 10
"""Between two lists pass at least so many times what one took, up to `_LONGEST_S`."""
_LONGEST_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Flood:
    """A login that exceeded its quota, and where it is connected now."""

    exceeded: QuotaExceeded
    server: str
    connections: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Totals:
    messages: int
    size: int
    ended: int


class BrokerQuota:
    """`find_exceeded` about four times a second; it lists connections only when many more messages came in."""

    def __init__(self, quotas: MessageQuotas) -> None:
        quotas = quotas.of_lanes(_LANES)
        self._meter = QuotaMeter(quotas)
        self._messages, self._size = quotas.smallest_burst()
        self._counts = ConnectionCounts()
        self._server = ""
        self._before = _Totals(0, 0, 0)
        self._heard_s = self._next_s = time.monotonic()
        self.lists = 0
        """How often connections were listed."""

    async def find_exceeded(self, system: Client) -> list[Flood]:
        """Who exceeded his quota since the last call. Raises Error, OSError, TimeoutError."""
        answer = await ask_server(system, "STATSZ", {})
        server, totals = answer["server"]["id"], _totals(answer["statsz"])
        now_s = time.monotonic()
        if server != self._server:
            self._begin(server, now_s)
        self._heard_s = now_s
        if now_s < self._next_s or (self._counts.begun and not self._may_exceed(totals)):
            return []
        opened = await self._list(system, {})
        gone = totals.ended - self._before.ended + _MARGIN if self._counts.begun else _CLOSED_KEPT
        ended = await self._list(system, {"state": 1, "sort": "stop"}, min(gone, _CLOSED_KEPT))
        self.lists += 1
        self._before = totals
        said = self._counts.count(opened, ended)
        done_s = time.monotonic()
        self._next_s = done_s + min(_PART * (done_s - now_s), _LONGEST_S)
        return [self._flood(found, opened) for found in self._meter.count(said, done_s)]

    def _begin(self, server: str, now_s: float) -> None:
        """While there was no server nobody could say anything: what comes now may have been measured then."""
        if self._server:
            self._counts.begin_anew()
            self._meter.absent(now_s - self._heard_s, now_s)
        self._server, self._before, self._next_s = server, _Totals(0, 0, 0), now_s

    def _may_exceed(self, totals: _Totals) -> bool:
        messages, size = totals.messages - self._before.messages, totals.size - self._before.size
        return messages >= self._messages or size >= self._size

    async def _list(self, system: Client, more: Mapping[str, Any], most: int = _MOST) -> list[ConnectionCount]:
        """In one answer: in pages one that ends between them would shift another out of sight."""
        page = await ask_server(system, "CONNZ", {"acc": DEVICES, "auth": True, "limit": most, **more})
        return list(map(ConnectionCount.read, page["data"]["connections"]))

    def _flood(self, found: QuotaExceeded, opened: Sequence[ConnectionCount]) -> Flood:
        return Flood(found, self._server, [one.number for one in opened if one.login == found.login])


def _totals(said: Mapping[str, Any]) -> _Totals:
    received = said["received_from_clients"]
    ended = int(said["total_connections"]) - int(said["connections"])
    return _Totals(int(received["msgs"]), int(received["bytes"]), ended)
