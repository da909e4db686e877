"""A TCP proxy between the program and a server: it delays, goes silent, cuts, and answers in the server's place."""

import asyncio
import re
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from tests.real_parts.waiting import wait_until

_AT_ONCE: Final = struct.pack("ii", 1, 0)
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


@dataclass(frozen=True)
class Mode:
    """What becomes of bytes; the default passes them on."""

    delay_s: float = 0.0
    """Each piece waits so long."""
    silent: bool = False
    """Nothing comes through and nobody is told, as with a pulled cable; what was sent comes through afterwards."""
    refuse: bool = False
    """New connections are reset."""
    reset_after_bytes: int | None = None
    """Reset once so many bytes went from the program to the server on a connection."""
    lose_reply: bool = False
    """The server gets what was sent, the program a reset instead of the answer."""
    answer: int | None = None
    """HTTP: this status instead of the server's answer; the server gets nothing."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(slots=True)
class Seen:
    """What passed on one connection, where the proxy keeps it."""

    up: bytearray = field(default_factory=bytearray)
    down: bytearray = field(default_factory=bytearray)


class Proxy:
    """Runs in a thread of its own; `become` changes what it does and cuts the connections that are there."""

    def __init__(self, host: str, port: int, *, keeps: bool = False) -> None:
        self._target = (host, port)
        self._keeps = keeps
        self.seen: list[Seen] = []
        """Connections in order, where it `keeps` what passes."""
        self._mode = Mode()
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.interfered = 0
        self._thread = threading.Thread(target=self._run, name="proxy")

    def become(self, mode: Mode, *, cut: bool = False) -> None:
        """From now on; `cut` resets what is connected."""
        self._mode = mode
        if cut:
            self._loop.call_soon_threadsafe(self._cut)

    def wait_interfered(self) -> None:
        """Return when the mode has had its effect once more: the fault takes place."""
        before = self.interfered
        wait_until(lambda: self.interfered > before, timeout_s=30, what=f"the fault: {self._mode}")

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """Cut everything and end the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._listener.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._listener))
        self._loop.run_forever()
        server.close()
        self._cut()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def _cut(self) -> None:
        for writer in list(self._open):
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            if self._mode.refuse:
                self.interfered += 1
            elif self._mode.answer is not None:
                await self._answer(reader, writer)
            else:
                await self._pass(reader, writer)
        self._open.discard(writer)
        _reset(writer)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(*self._target)
        self._open.add(up_writer)
        seen = Seen()
        self.seen.append(seen)
        both = self._up(reader, up_writer, seen), self._down(up_reader, writer, seen)
        pumps = [asyncio.ensure_future(pump) for pump in both]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._open.discard(up_writer)
            up_writer.close()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Seen) -> None:
        passed = 0
        while data := await reader.read(65_536):
            await self._wait()
            if self._keeps:
                seen.up += data
            limit = self._mode.reset_after_bytes
            if limit is not None and passed + len(data) > limit:
                self.interfered += 1
                writer.write(data[: max(0, limit - passed)])
                await writer.drain()
                return
            passed += len(data)
            writer.write(data)
            await writer.drain()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Seen) -> None:
        while data := await reader.read(65_536):
            await self._wait()
            if self._keeps:
                seen.down += data
            if self._mode.lose_reply:
                self.interfered += 1
                return
            writer.write(data)
            await writer.drain()

    async def _wait(self) -> None:
        if self._mode.delay_s or self._mode.silent:
            self.interfered += 1
        await asyncio.sleep(self._mode.delay_s)
        while self._mode.silent:  # noqa: ASYNC110 - it is changed by another thread
            await asyncio.sleep(0.05)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            await reader.readexactly(int(length[1]) if length else 0)
            mode = self._mode
            if mode.answer is None:
                return
            self.interfered += 1
            headers = {**mode.headers, "Content-Length": str(len(mode.body))}
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            writer.write(f"HTTP/1.1 {mode.answer} asked for\r\n{lines}\r\n".encode() + mode.body)
            await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    link = writer.get_extra_info("socket")
    with suppress(OSError):
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()


@contextmanager
def between(host: str, port: int, *, keeps: bool = False) -> Iterator[Proxy]:
    """A proxy to a server, inside the block; `keeps` what passes."""
    proxy = Proxy(host, port, keeps=keeps)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.close()
