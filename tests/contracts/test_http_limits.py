"""A real server of ours against slow, silent and too many clients; the others are answered meanwhile."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from runtime.http_guard import ConnectionGuard, open_listener
from runtime.http_protocol import HttpDeadlines
from runtime.http_serving import server_of
from runtime.settings_models import HttpSettings
from tests.real_parts.ports import claim_port
from tests.real_parts.waiting import wait_until

QUICK = HttpDeadlines(headers_s=1.5, body_s=1.5, unread_s=2, rate=1024, linger_s=1)
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
STRANGER = "127.0.0.9"


async def app(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """`/` says hello after the body has come; `/large` sends until nobody listens; `/stream` a line now and then."""
    path, method = scope["path"], scope["method"]
    if path != "/unread":
        while method == "POST" and (await receive()).get("more_body"):
            pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    if path == "/large":
        for _ in range(500):
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
    if path == "/stream":
        for _ in range(30):
            await asyncio.sleep(0.1)
            await send({"type": "http.response.body", "body": b": here\n\n", "more_body": True})
    await send({"type": "http.response.body", "body": b"hello"})


@dataclass
class Served:
    """A server in a thread."""

    port: int
    guard: ConnectionGuard
    stack: ExitStack

    def open(self, source: str = "127.0.0.1") -> socket.socket:
        """Connect, from some address of this machine."""
        link = socket.create_connection(("127.0.0.1", self.port), timeout=10, source_address=(source, 0))
        return self.stack.enter_context(link)

    def asks(self, text: bytes = GET, source: str = "127.0.0.1") -> bytes:
        """All of the answer, on a connection of its own."""
        link = self.open(source)
        link.sendall(text.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n"))
        return read(link)


def read(link: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    found = b""
    try:
        while more := link.recv(65_536):
            found += more
    except ConnectionError:
        pass
    return found


@contextmanager
def served(most: int = 200, of_address: int = 50, **http: Any) -> Iterator[Served]:
    """A server with quick deadlines."""
    port = claim_port()
    guard = ConnectionGuard(most, of_address, handshake_s=1.5, **http)
    server = server_of(app, HttpSettings(), guard, lambda: None, QUICK, lifespan="off", timeout_graceful_shutdown=1)
    thread = threading.Thread(target=server.run, args=(open_listener("127.0.0.1", port, guard),))
    thread.start()
    try:
        wait_until(lambda: server.started, what="the server")
        with ExitStack() as stack:
            yield Served(port, guard, stack)
    finally:
        server.should_exit = True
        thread.join()
        guard.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served() as found:
        yield found


def told(answer: bytes) -> tuple[int, str]:
    """Status and kind of a problem."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    return int(head.split()[1]), json.loads(body)["type"].rpartition(":")[2]


def test_an_ordinary_request_is_answered_and_its_connection_kept(server: Served) -> None:
    link = server.open()
    for _ in range(3):
        link.sendall(GET)
        wait_until(lambda: link.recv(65_536), what="an answer")
    assert server.asks(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc").endswith(b"hello\r\n0\r\n\r\n")


def test_headers_that_come_slowly_are_cut(server: Served) -> None:
    link, cut = server.open(), server.guard.counted["headers"]
    link.sendall(b"GET / HTTP/1.1\r\n")
    sending = threading.Event()

    def dribble() -> None:
        number = 0
        while not sending.wait(0.2):
            try:
                link.send(b"X-%d: y\r\n" % number)
            except OSError:
                return
            number += 1

    thread = threading.Thread(target=dribble)
    thread.start()
    answer = read(link)
    sending.set()
    thread.join()
    assert told(answer) == (408, "request_timeout")
    assert server.guard.counted["headers"] > cut


def test_a_connection_without_a_word_is_closed(server: Served) -> None:
    assert read(server.open()) == b""


def test_a_body_that_comes_slowly_is_cut(server: Served) -> None:
    link = server.open()
    link.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 100)
    assert told(read(link)) == (408, "request_timeout")
    assert server.guard.counted["body"] > 0


def test_a_body_that_nobody_waits_for_is_dropped_and_its_sender_cut(server: Served) -> None:
    link = server.open()
    link.sendall(b"POST /unread HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nxxxxx\r\n")
    assert b"hello" in read(link)


def test_who_does_not_read_is_cut(server: Served) -> None:
    link = server.open()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    cut = server.guard.counted["unread"]
    link.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_until(lambda: server.guard.counted["unread"] > cut, timeout_s=20, what="it is cut")


def test_headers_that_are_too_large_are_told(server: Served) -> None:
    assert told(server.asks(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000)) == (431, _LARGE)


_LARGE = "request_header_fields_too_large"


@pytest.mark.parametrize(
    "text", [b"\x16\x03\x01\x00\xff" + b"\r\n" * 9, b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nHo st: x\r\n\r\n"]
)
def test_what_is_no_http_is_told(server: Served, text: bytes) -> None:
    assert told(server.asks(text)) == (400, "bad_request")


def test_a_stream_that_says_something_now_and_then_is_left_alone(server: Served) -> None:
    """It lasts longer than any deadline."""
    answer = server.asks(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.count(b": here") == 30


def test_one_address_cannot_take_all_places() -> None:
    with served(most=100, of_address=20) as server:
        taken = [server.open(STRANGER) for _ in range(20)]
        assert told(server.asks(source=STRANGER)) == (503, "too_many_connections")
        assert b"hello" in server.asks(), "others are answered"
        taken.pop().close()
        wait_until(lambda: b"hello" in server.asks(source=STRANGER), what="one went, one comes")
        assert server.guard.counted["address"] > 0


def test_a_trusted_proxy_speaks_for_many() -> None:
    with served(most=100, of_address=20, trusted=["127.0.0.9/32"]) as server:
        for _ in range(30):
            server.open(STRANGER)
        assert b"hello" in server.asks(source=STRANGER)


def test_when_all_places_are_taken_the_longest_silent_one_makes_room() -> None:
    with served(most=20, of_address=20) as server:
        streaming = server.open()
        streaming.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        for n in range(2, 22):
            server.open(f"127.0.0.{n}")
        wait_until(lambda: b"hello" in server.asks(), what="an answer although all places are taken")
        assert server.guard.counted["evicted"] > 0
        assert server.guard.open <= 21
        assert read(streaming).endswith(b"hello\r\n0\r\n\r\n"), "who is being answered is not cut"


def test_an_address_that_has_many_makes_room_for_one_that_has_none() -> None:
    """However fast it comes again."""
    with served(most=20, of_address=20) as server:
        for n in (2, 3):
            for _ in range(10):
                server.open(f"127.0.0.{n}").sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        assert b"hello" in server.asks(), "without any wait"
        assert server.guard.counted["evicted"] > 0


def test_connections_that_end_leave_no_count_behind(server: Served) -> None:
    for _ in range(300):
        server.open().close()
    server.stack.close()
    wait_until(lambda: server.guard.open == 0, what="none is left")


def test_without_descriptors_who_waits_is_turned_away_and_the_loop_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with served() as server:
        real, fails = socket.socket.accept, 3

        def accept(self: socket.socket) -> Any:
            nonlocal fails
            if fails:
                fails -= 1
                raise OSError(24, "Too many open files")
            return real(self)

        monkeypatch.setattr(socket.socket, "accept", accept)
        wait_until(lambda: b"hello" in server.asks(), what="an answer")
        assert server.guard.counted["descriptors"] > 0
