"""What wraps every request: its id, security headers, the count, the guard against the unforeseen, the body's limit."""

import re
import time
import uuid
from collections.abc import Mapping
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import ApiMetrics
from api.problems import BodyTooLarge, route_of, too_large, unexpected_problem

MEBIBYTE: Final = 1 << 20
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECURITY: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_LOG = structlog.get_logger()


class RequestEnvelope:
    """Outermost: request id, security headers, count; the unforeseen becomes a 500 without details, HEAD a GET."""

    def __init__(self, app: ASGIApp, metrics: ApiMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = Headers(scope=scope).get("x-request-id", "")
        request_id = wanted if _REQUEST_ID.fullmatch(wanted) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status, started, method = 0, time.monotonic(), scope["method"]
        if method == "HEAD":
            scope, send = {**scope, "method": "GET"}, _head_only(send)

        async def framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(MutableHeaders(scope=message), request_id, secure=scope["scheme"] == "https")
            await send(message)

        try:
            await self._app(scope, receive, framed)
        except ClientDisconnect:
            status = status or 499
        except Exception:  # The guard of all routes: whatever happens in one, its caller gets an answer, we the trace.
            _LOG.exception("request_broke", request_id=request_id, route=route_of(scope))
            if status:
                raise
            await unexpected_problem(Request(scope))(scope, receive, framed)
        finally:
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            self._metrics.answered(path, method, status, time.monotonic() - started)


def _head_only(send: Send) -> Send:
    """Send what a GET would answer but for its body; what would send more is told that nobody takes it."""
    ended = False

    async def without_body(message: Message) -> None:
        nonlocal ended
        if message["type"] == "http.response.body":
            if ended:
                raise ClientDisconnect
            ended, message = True, {"type": "http.response.body", "body": b"", "more_body": False}
        await send(message)

    return without_body


def _dress(headers: MutableHeaders, request_id: str, *, secure: bool) -> None:
    headers["X-Request-ID"] = request_id
    for name, value in _SECURITY.items():
        headers.setdefault(name, value)
    if secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")


class BodyLimit:
    """Refuses bodies over a limit in bytes, announced or counted while they stream in; some paths have their own."""

    def __init__(self, app: ASGIApp, limit: int = MEBIBYTE, of_paths: Mapping[str, int] | None = None) -> None:
        self._app = app
        self._limit = limit
        self._of_paths = dict(of_paths or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._of_paths.get(scope["path"], self._limit)
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isascii() or not announced.isdigit() or int(announced[:20]) > limit:
            await too_large(Request(scope), limit)(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > limit:
                    raise BodyTooLarge(limit)
            return message

        await self._app(scope, counted, send)
