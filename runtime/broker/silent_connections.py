"""Cuts connections to a nats-server that say nothing, before its own deadline, when there are many of them."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from nats.aio.client import Client

from devices.network_addresses import address_neighbourhood
from runtime.broker.nats_requests import ask_server, kick

log = structlog.get_logger()
OF_ADDRESS: Final = 100
"""So many from one address may be silent at a time: thousands of lamps behind one address say CONNECT at once."""
NEARLY_ALL: Final = 0.8
"""Of all connections that there may be: from here on nobody may be silent for long."""
SPARED_S: Final = 6.0
"""Longer than nats-server gives a TLS handshake: thousands of those take their time on few cores."""
PRESSED_S: Final = 3.0
_PAGE: Final = 1000
_AT_ONCE: Final = 100


class SilentConnections:
    """Looked at about twice a second. `most`: how many connections the broker takes; `of_address` None: no such cap."""

    def __init__(self, most: int, of_address: int | None = OF_ADDRESS) -> None:
        self._most = most
        self._of_address = of_address
        self._settled = 0
        """Connections at the last look, less the silent ones."""
        self.cut = 0
        """Since start."""

    async def cut_silent(self, system: Client) -> None:
        """Ask how many there are; look at the newest when they are many more than were settled, and cut."""
        total = int((await ask_server(system, "STATSZ", {}, gone=True))["statsz"]["connections"])
        self._settled = min(self._settled, total)
        if total - self._settled < OF_ADDRESS and total < NEARLY_ALL * self._most:
            return
        page = await ask_server(
            system, "CONNZ", {"auth": True, "limit": _PAGE, "offset": max(0, total - _PAGE)}, gone=True
        )
        silent = [each for each in page["data"]["connections"] if is_silent(each)]
        self._settled = total - len(silent)
        now = datetime.now(UTC)
        chosen = list(self.choose(silent, total, now))
        server = page["server"]["id"]
        for some in range(0, len(chosen), _AT_ONCE):
            await asyncio.gather(
                *(kick(system, server, number, gone=True) for number in chosen[some : some + _AT_ONCE])
            )
        if chosen:
            self.cut += len(chosen)
            log.warning("silent_connections_cut", cut=len(chosen), open=total)

    def choose(self, silent: Sequence[Mapping[str, Any]], total: int, now: datetime) -> Iterator[int]:
        """Numbers of those that go: beyond an address's share, or all that had their time when places run out."""
        pressed = total >= NEARLY_ALL * self._most
        seen: Counter[str] = Counter()
        for connection in silent:
            key = address_neighbourhood(connection.get("ip", ""))
            seen[key] += 1
            age_s = (now - datetime.fromisoformat(connection["start"])).total_seconds()
            beyond = self._of_address is not None and seen[key] > self._of_address
            if (pressed and age_s > PRESSED_S) or (beyond and age_s > SPARED_S):
                yield int(connection["cid"])


def is_silent(connection: Mapping[str, Any]) -> bool:
    """Tell one that has not said CONNECT: who did waits for the auth callout, under a client id."""
    return (
        connection.get("type") == "mqtt" and not connection.get("mqtt_client") and not connection.get("authorized_user")
    )
