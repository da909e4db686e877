"""HTTP servers of ours, of the API and of the gateway's figures: with caps and deadlines, on their own listeners."""

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from runtime.file_descriptors import raise_limit
from runtime.http_guard import ConnectionGuard, open_listener
from runtime.http_protocol import BoundedProtocol, HttpDeadlines
from runtime.settings_models import HttpSettings

OURS: Final = 256
"""Descriptors of a process that no connection gets."""
BACKLOG: Final = 512


def guard_of(http: HttpSettings, most: int) -> ConnectionGuard:
    """Caps by the settings, and by what the system lets this process open."""
    return ConnectionGuard(
        min(most, max(16, raise_limit() - OURS)),
        http.max_per_address,
        http.trusted_proxies,
        behind_proxy=http.behind_proxy,
        tls=http.tls,
    )


def server_of(
    app: Callable[..., Any],
    http: HttpSettings,
    guard: ConnectionGuard,
    each_second: Callable[[], None],
    deadlines: HttpDeadlines | None = None,
    **more: Any,  # noqa: ANN401 - uvicorn's own options
) -> uvicorn.Server:
    """A server whose connections the guard counts; `each_second` is called in its loop."""

    class Bounded(BoundedProtocol):
        """With this server's guard."""

    Bounded.guard, Bounded.deadlines = guard, deadlines or HttpDeadlines()

    async def look() -> None:
        guard.cut_slow()
        each_second()

    notify: Callable[[], Awaitable[None]] = look
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=Bounded,
            loop="asyncio",
            ws="none",
            backlog=BACKLOG,
            ssl_certfile=http.tls_cert_file,
            ssl_keyfile=http.tls_key_file,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_notify=1,
            callback_notify=notify,
            **more,
        )
    )


@contextmanager
def in_thread(
    app: Callable[..., Any], http: HttpSettings, port: int, most: int, name: str
) -> Iterator[ConnectionGuard]:
    """Serve in a thread while the block runs. Raises OSError when the port is taken."""
    guard = guard_of(http, most)
    listeners = open_listener(http.host, port, guard)
    server = server_of(app, http, guard, _nothing, lifespan="off", timeout_graceful_shutdown=1)
    thread = threading.Thread(target=server.run, args=(listeners,), name=name, daemon=True)
    thread.start()
    try:
        yield guard
    finally:
        server.should_exit = True
        thread.join(3)
        guard.close()


def _nothing() -> None:
    """Nobody else wants to look."""
