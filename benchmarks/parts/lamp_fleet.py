"""A town's lamps in one process, each on a connection of its own: MQTT 3.1.1 as the device makers' guide says.

Reads {"user": …, "password": …} lines from a file, prints its counts as JSON each half second, ends with stdin.
"""

import argparse
import asyncio
import json
import random
import ssl
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from benchmarks.parts.load import length

KEEPALIVE_S: Final = 60
PINGS_S: Final = 25.0
CONNACK, PUBLISH, SUBACK = 2, 3, 9
REFUSED: Final = 0x80


@dataclass
class Counts:
    """What the fleet has come to."""

    connected: int = 0
    subscribed: int = 0
    refused_connects: int = 0
    refused_filters: int = 0
    losses: int = 0
    commands: int = 0
    """Command ids acted upon, by lamp."""
    repeats: int = 0
    configs: int = 0


@dataclass(frozen=True)
class Town:
    """What all lamps have in common."""

    host: str
    port: int
    spread_s: float
    qos: int
    tls: ssl.SSLContext | None
    counts: Counts = field(default_factory=Counts)


class Lamp(asyncio.Protocol):
    """One lamp; it comes back by itself, after a growing random pause."""

    def __init__(self, town: Town, user: str, password: str) -> None:
        self._town, self._user, self._password = town, user, password
        self._base = f"city/v1/{user}"
        self._tenant, _, self._device = user.split("/")
        self._boot, self._seq, self._mid = f"{random.getrandbits(32):08x}", 0, 0
        self._acted: set[str] = set()
        self._config_version: int | None = None
        self._link: asyncio.Transport | None = None
        self._buffer = b""
        self._subscribed = self._refused = False

    async def live(self) -> None:
        """Keep connected for ever."""
        pause_s = self._town.spread_s
        while True:
            await asyncio.sleep(random.uniform(0, pause_s))
            self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            try:
                await asyncio.get_running_loop().create_connection(
                    lambda: self, self._town.host, self._town.port, ssl=self._town.tls
                )
            except OSError:
                pause_s = min(2 * pause_s, 8.0)
                continue
            await self._stay()
            pause_s = min(2 * pause_s, 8.0) if self._refused else self._town.spread_s

    async def _stay(self) -> None:
        while not self._lost.done():
            await asyncio.wait([self._lost], timeout=PINGS_S)
            if self._link is not None and not self._link.is_closing():
                self._link.write(b"\xc0\x00")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """CONNECT with the last will."""
        self._link, self._buffer = cast("asyncio.Transport", transport), b""
        will = json.dumps({"v": 1, "boot_id": self._boot, "state": "offline"})
        fields = (self._user, f"{self._base}/status", will, self._user, self._password)
        body = b"\x00\x04MQTT\x04\xee" + struct.pack(">H", KEEPALIVE_S) + b"".join(map(_text, fields))
        self._write(_packet(0x10, body))

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it; `live` comes back."""
        del exc
        counts = self._town.counts
        if self._subscribed:
            counts.connected -= 1
            counts.subscribed -= 1
            counts.losses += 1
        self._link, self._subscribed = None, False
        if not self._lost.done():
            self._lost.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Take whole packets."""
        self._buffer += data
        for head, body in self._packets():
            if head >> 4 == CONNACK:
                self._on_connack(body[1])
            elif head >> 4 == SUBACK:
                self._on_suback(body[2:])
            elif head >> 4 == PUBLISH:
                self._on_publish(head, body)

    def _packets(self) -> Iterator[tuple[int, bytes]]:
        while len(self._buffer) >= 2:
            size = shift = 0
            at = 1
            while True:
                if at >= len(self._buffer):
                    return
                digit = self._buffer[at]
                size |= (digit & 0x7F) << shift
                at, shift = at + 1, shift + 7
                if not digit & 0x80:
                    break
            if len(self._buffer) < at + size:
                return
            head, body = self._buffer[0], self._buffer[at : at + size]
            self._buffer = self._buffer[at + size :]
            yield head, body

    def _on_connack(self, code: int) -> None:
        if code:
            self._refused = True
            self._town.counts.refused_connects += 1
            return
        self._refused = False
        filters = (f"{self._base}/cmd/+", f"{self._base}/config", f"city/v1/{self._tenant}/group/+/cmd/+")
        asked = b"".join(_text(filter_) + bytes([self._town.qos]) for filter_ in filters)
        self._write(_packet(0x82, self._next() + asked))

    def _on_suback(self, codes: bytes) -> None:
        counts = self._town.counts
        counts.refused_filters += sum(code == REFUSED for code in codes)
        if not self._subscribed:
            self._subscribed = True
            counts.connected += 1
            counts.subscribed += REFUSED not in codes
        self._publish("status", {"v": 1, "boot_id": self._boot, "state": "online"}, retain=True)

    def _on_publish(self, head: int, body: bytes) -> None:
        size = int.from_bytes(body[:2])
        topic, at = body[2 : 2 + size].decode(), 2 + size
        if head & 0x06:
            self._write(b"\x40\x02" + body[at : at + 2])
            at += 2
        said = json.loads(body[at:])
        if topic.endswith("/config"):
            self._town.counts.configs += 1
            held = {"level_pct": 60, "command": {"level_pct": 60, "reason": "default"}}
            self._say("state", retain=True, config_version=said["version"], **held)
        elif not head & 0x01:
            self._obey(said)

    def _obey(self, said: dict[str, Any]) -> None:
        command_id = said["command_id"]
        again = command_id in self._acted
        self._town.counts.repeats += again
        self._town.counts.commands += not again
        self._acted.add(command_id)
        wait_s = random.uniform(0, said.get("ack_spread_s", 0))
        loop = asyncio.get_running_loop()
        loop.call_later(wait_s, lambda: self._say("ack", command_id=command_id, status="applied"))

    def _say(self, channel: str, *, retain: bool = False, **fields: object) -> None:
        self._seq += 1
        head = {"v": 1, "device_id": self._device, "boot_id": self._boot, "seq": self._seq}
        self._publish(channel, head | fields, retain=retain)

    def _publish(self, channel: str, message: dict[str, Any], *, retain: bool) -> None:
        body = _text(f"{self._base}/{channel}") + self._next() + json.dumps(message).encode()
        self._write(_packet(0x33 if retain else 0x32, body))

    def _next(self) -> bytes:
        self._mid = self._mid % 65_535 + 1
        return struct.pack(">H", self._mid)

    def _write(self, packet: bytes) -> None:
        if self._link is not None and not self._link.is_closing():
            self._link.write(packet)


def _packet(head: int, body: bytes) -> bytes:
    return bytes([head]) + length(len(body)) + body


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">H", len(encoded)) + encoded


async def _run(town: Town, logins: list[dict[str, str]]) -> None:
    lives = [asyncio.create_task(Lamp(town, login["user"], login["password"]).live()) for login in logins]
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    while not ended.done():
        sys.stdout.write(json.dumps(vars(town.counts)) + "\n")
        sys.stdout.flush()
        await asyncio.wait([ended], timeout=0.5)
    for life in lives:
        life.cancel()


def main() -> int:
    """Be the town until stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logins", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--spread", type=float, default=1.0, help="seconds over which lamps come, and come back")
    parser.add_argument("--qos", type=int, default=0, help="of the subscriptions")
    parser.add_argument("--ca-file", type=Path)
    options = parser.parse_args()
    tls = None
    if options.ca_file:
        tls = ssl.create_default_context(cafile=options.ca_file)
        tls.check_hostname = False
    logins = [json.loads(line) for line in options.logins.read_text().splitlines()]
    asyncio.run(_run(Town(options.host, options.port, options.spread, options.qos, tls), logins))
    return 0


if __name__ == "__main__":
    sys.exit(main())
