"""Who may have a connection to an HTTP server of ours: caps per address and in all, before TLS and any request."""

import errno
import ipaddress
import json
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final, Protocol

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from devices.network_addresses import address_neighbourhood

log = structlog.get_logger()
REASONS: Final = ("address", "all", "descriptors", "headers", "body", "unread", "invalid", "evicted")
"""Why connections were refused or cut."""
_NO_MORE: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_AT_ONCE: Final = 64
"""Refusals at one go; then everybody else has his turn."""
_TOLD_S: Final = 10.0
_SPARED_S: Final = 0.5
"""Whoever has been there for less is not cut for one whose address has as many: his request may be on its way."""


def guard_problem(status: int, slug: str, title: str) -> bytes:
    """Answer to who never comes as far as the application: RFC 9457 problem details."""
    body = json.dumps({"type": f"urn:lautern:problem:{slug}", "title": title, "status": status}).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/problem+json\r\n"
        f"Retry-After: 5\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


_SEARCH_S: Final = 0.02
"""Pause after a search in vain."""
_BUSY: Final = guard_problem(
    503, "too_many_connections", "There are too many connections, from your address or in all."
)


class HttpSpeaker(Protocol):
    """What speaks HTTP on a connection."""

    @property
    def waiting_since(self) -> float | None:
        """Since when it waits for a request or its body; None while it answers one."""

    def cut_when_slow(self, now: float, passed_s: float) -> str | None:
        """Cut the connection, and say why, when the other side is too slow; called about each second."""

    def abort(self) -> None:
        """Cut the connection at once."""


class GuardedSocket(socket.socket):
    """An accepted connection; it leaves the count when it is closed."""

    guard: "ConnectionGuard | None" = None
    key = ""
    since = 0.0
    speaker: HttpSpeaker | None = None
    """None before the end of the TLS handshake."""

    def close(self) -> None:
        """Close it, and let another one in."""
        if self.guard is not None:
            self.guard.left(self)
        super().close()

    @property
    def waiting_since(self) -> float | None:
        """Since when it waits for a handshake, a request or its body; None while one is answered."""
        return self.since if self.speaker is None else self.speaker.waiting_since

    def cut(self) -> None:
        """End it; the loop closes it afterwards."""
        if self.speaker is not None:
            self.speaker.abort()
        else:
            with suppress(OSError):
                self.shutdown(socket.SHUT_RDWR)


class ConnectionGuard:
    """Counts connections of one server; used in its event loop. `trusted`: proxies, which have no cap of their own."""

    def __init__(
        self,
        most: int,
        of_address: int,
        trusted: Sequence[str] = (),
        *,
        handshake_s: float = 10.0,
        behind_proxy: bool = False,
        tls: bool = False,
    ) -> None:
        self._most = most
        self._of_address = of_address
        self._trusted = [ipaddress.ip_network(each, strict=False) for each in trusted]
        self._handshake_s = handshake_s
        self._behind_proxy = behind_proxy
        self._tls = tls
        self._open: dict[int, GuardedSocket] = {}
        self._by_key: Counter[str] = Counter()
        self._proxies: set[str] = set()
        """Of those that are open."""
        self.counted: Counter[str] = Counter()
        """Refused or cut since start, by reason."""
        self._told: Counter[str] = Counter()
        self._told_at = float("-inf")
        self._looked_at = time.monotonic()
        self._search_at = float("-inf")
        self._spare = os.open(os.devnull, os.O_RDONLY)

    @property
    def open(self) -> int:
        """Connections now."""
        return len(self._open)

    def admit(self, connection: GuardedSocket, address: str) -> bool:
        """Tell whether it may stay; when all places are taken, one of the address that has most makes room."""
        key, exempt = address_neighbourhood(address), self._exempt(address)
        if exempt:
            self._proxies.add(key)
        elif self._by_key[key] >= self._of_address:
            self.counted["address"] += 1
            return False
        if len(self._open) >= self._most and not self._make_room(key, exempt=exempt):
            self.counted["all"] += 1
            return False
        connection.guard, connection.key, connection.since = self, key, time.monotonic()
        self._open[connection.fileno()] = connection
        self._by_key[key] += 1
        return True

    def left(self, connection: GuardedSocket) -> None:
        """One was closed; asked twice, it counts once."""
        if self._open.get(connection.fileno()) is connection:
            del self._open[connection.fileno()]
            self._by_key[connection.key] -= 1
            if not self._by_key[connection.key]:
                del self._by_key[connection.key]
                self._proxies.discard(connection.key)

    def speaks(self, descriptor: int, speaker: HttpSpeaker) -> None:
        """The handshake is over."""
        if (connection := self._open.get(descriptor)) is not None:
            connection.speaker = speaker

    def cut_slow(self) -> None:
        """Cut who is too slow; called about each second."""
        now = time.monotonic()
        passed_s, self._looked_at = min(2.0, now - self._looked_at), now
        for connection in list(self._open.values()):
            if connection.speaker is not None:
                if reason := connection.speaker.cut_when_slow(now, passed_s):
                    self.counted[reason] += 1
            elif now - connection.since > self._handshake_s:
                self.counted["headers"] += 1
                connection.cut()
        self._tell(now)

    def refuse(self, connection: socket.socket) -> None:
        """Say why, where that is not in the middle of a handshake, and close it."""
        if not self._tls:
            with suppress(OSError):
                connection.settimeout(0)
                connection.send(_BUSY)
        connection.close()

    def relieve(self, turn_away: Callable[[], None]) -> None:
        """No descriptor is left for who waits at the door: turn one away with the one that was kept for that."""
        self.counted["descriptors"] += 1
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
        with suppress(OSError):
            turn_away()
        try:
            self._spare = os.open(os.devnull, os.O_RDONLY)
        except OSError:
            time.sleep(0.01)  # else the loop would turn without end

    def close(self) -> None:
        """Give back what is kept."""
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1

    def _make_room(self, key: str, *, exempt: bool) -> bool:
        """Cut one that waits of the address that has most, else the one that waits longest."""
        ours, now = 0 if exempt else self._by_key[key], time.monotonic()
        heaviest = max((n for k, n in self._by_key.items() if k not in self._proxies), default=0)
        if (heaviest > 1 and ours + 1 >= heaviest) or now < self._search_at:
            return False  # a flood is refused without a search each time
        waiting = [(since, c) for c in self._open.values() if (since := c.waiting_since) is not None]
        since, victim = max(waiting, key=lambda each: (self._weight(each[1].key), -each[0]), default=(0.0, None))
        if victim is None or (self._weight(victim.key) <= ours + 1 and now - since < _SPARED_S):
            self._search_at = now + _SEARCH_S
            return False
        self.counted["evicted"] += 1
        self.left(victim)
        victim.cut()
        return True

    def _weight(self, key: str) -> int:
        """How many an address has; proxies speak for many."""
        return 0 if key in self._proxies else self._by_key[key]

    def _exempt(self, address: str) -> bool:
        if self._behind_proxy:
            return True
        found = ipaddress.ip_address(address.partition("%")[0])
        return any(found in network for network in self._trusted)

    def _tell(self, now: float) -> None:
        if self.counted != self._told and now - self._told_at > _TOLD_S:
            news = {reason: number - self._told[reason] for reason, number in self.counted.items()}
            log.warning("connections_cut", open=len(self._open), **{reason: n for reason, n in news.items() if n})
            self._told, self._told_at = self.counted.copy(), now


class GuardedListener(socket.socket):
    """Accepts for an event loop, which calls `accept` until there is nobody more."""

    guard: ConnectionGuard

    def accept(self) -> tuple[socket.socket, Any]:
        """Give the next connection that may stay. Raises BlockingIOError when there is none for now."""
        for _ in range(_AT_ONCE):
            try:
                plain, address = super().accept()
            except OSError as error:
                if error.errno not in _NO_MORE:
                    raise
                self.guard.relieve(self._turn_away)
                continue
            connection = GuardedSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
            if self.guard.admit(connection, str(address[0])):
                return connection, address
            self.guard.refuse(connection)
        raise BlockingIOError

    def _turn_away(self) -> None:
        super().accept()[0].close()


class GuardFigures(Collector):
    """The same for Prometheus."""

    def __init__(self, guard: ConnectionGuard) -> None:
        self._guard = guard

    def collect(self) -> Iterator[Metric]:
        """Figures now."""
        yield GaugeMetricFamily("lautern_http_connections", "Connections that are open.", value=self._guard.open)
        text = "Connections refused or cut since start, by reason."
        family = CounterMetricFamily("lautern_http_connections_cut", text, labels=["reason"])
        for reason in REASONS:
            family.add_metric([reason], self._guard.counted[reason])
        yield family


def open_listener(host: str, port: int, guard: ConnectionGuard) -> list[socket.socket]:
    """Bind wherever `host` leads; `::` to both families. Raises OSError."""
    found = socket.getaddrinfo(None if host == "::" else host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    listeners: list[socket.socket] = []
    for family, kind, proto, _, address in dict.fromkeys(found):
        listener = GuardedListener(family, kind, proto)
        listener.guard = guard
        listeners.append(listener)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            listener.bind(address)
        except OSError:
            for each in listeners:
                each.close()
            raise
        listener.settimeout(0)
    return listeners
