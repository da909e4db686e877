"""HTTP/1.1 with deadlines: uvicorn's own has none for headers, bodies and clients that do not read."""

import asyncio
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from runtime.http_guard import ConnectionGuard, guard_problem

_TITLES: Final = {
    400: ("bad_request", "This is no HTTP request."),
    408: ("request_timeout", "The request did not come in time."),
    431: ("request_header_fields_too_large", "The headers are too large."),
}


@dataclass(frozen=True, slots=True)
class HttpDeadlines:
    """How slow the other side may be; `rate`: bytes a second that it must send, or take, beyond its time."""

    headers_s: float = 10.0
    """From the connection, or the last answer, to the end of a request's headers."""
    body_s: float = 10.0
    unread_s: float = 20.0
    rate: int = 1024
    linger_s: float = 2.0
    """How long the rest of a body is taken and dropped that was answered before it had come."""


class BoundedProtocol(H11Protocol):
    """One connection; `cut_when_slow` is called about each second."""

    guard: ConnectionGuard
    deadlines: HttpDeadlines

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._since = time.monotonic()
        self._met: object = None
        """The request that `_got` and `_body_s` are about."""
        self._got = 0
        self._body_s = self._unread_s = self._linger_s = 0.0
        self._unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; with TLS after the handshake."""
        super().connection_made(transport)
        if (found := transport.get_extra_info("socket")) is not None:
            self.guard.speaks(found.fileno(), self)

    def data_received(self, data: bytes) -> None:
        """Parse; what is no HTTP in the midst of an answer ends the connection."""
        try:
            super().data_received(data)
        except h11.LocalProtocolError:
            self.abort()
        if self.cycle is not self._met:
            self._met, self._got, self._body_s, self._linger_s = self.cycle, 0, 0.0, 0.0
        self._got += len(data)

    def resume_writing(self) -> None:
        """Go on: the other side has read."""
        self._unread_s = 0.0
        super().resume_writing()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._since = time.monotonic()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer to what cannot be parsed; its headers may merely be too large."""
        error = sys.exc_info()[1]
        self.guard.counted["invalid"] += 1
        self._answer(431 if getattr(error, "error_status_hint", 400) == 431 else 400)

    def shutdown(self) -> None:
        """End, after the answer that is under way."""
        with suppress(h11.LocalProtocolError):
            super().shutdown()
            return
        self.transport.close()

    @property
    def waiting_since(self) -> float | None:
        """Since when it waits for a request or its body; None while it answers one."""
        if self._answering() and self.conn.their_state is not h11.SEND_BODY:
            return None
        return self._since

    def cut_when_slow(self, now: float, passed_s: float) -> str | None:
        """Cut the connection, and say why, when the other side is too slow."""
        unsent = self.transport.get_write_buffer_size()
        if unsent:
            return self._look_unsent(unsent, passed_s)
        self._unsent, self._unread_s = 0, 0.0
        if self.conn.their_state is h11.SEND_BODY:
            return self._look_body(passed_s)
        if not self._answering() and now - self._since > self.deadlines.headers_s:
            self._answer(408)
            return "headers"
        return None

    def abort(self) -> None:
        """Cut the connection at once."""
        self.transport.abort()

    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _look_unsent(self, unsent: int, passed_s: float) -> str | None:
        read = self._unsent - unsent
        self._unread_s = 0.0 if read >= self.deadlines.rate * passed_s else self._unread_s + passed_s
        self._unsent = unsent
        if self._unread_s > self.deadlines.unread_s:
            self.abort()
            return "unread"
        return None

    def _look_body(self, passed_s: float) -> str | None:
        if not self._answering():
            self._linger_s += passed_s
            if self._linger_s > self.deadlines.linger_s:
                self.abort()
                return "body"
            return None
        if self.flow.read_paused:  # we do not take it, so that it is not slow
            return None
        self._body_s += passed_s
        if self._body_s > self.deadlines.body_s + self._got / self.deadlines.rate:
            self._answer(408)
            return "body"
        return None

    def _answer(self, status: int) -> None:
        """Say why and close, where nothing was answered yet."""
        began = self._answering() and self.cycle.response_started
        if not began and not self.transport.is_closing() and self._said_something():
            self.transport.write(guard_problem(status, *_TITLES[status]))
        if self._answering():
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        with suppress(h11.LocalProtocolError):
            self.conn.send_failed()
        self.transport.close()

    def _said_something(self) -> bool:
        """A connection that was kept and merely idle is closed without a word."""
        return bool(self.conn.trailing_data[0]) or self.conn.their_state is not h11.IDLE
