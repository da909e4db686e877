"""Refuses requests of an address that asks too often, before anything is looked up for it."""

import time
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import too_many
from api.rate_limiter import RateLimiter
from api.sessions import LOOPBACK, address_of
from devices.network_addresses import address_neighbourhood

_PROBES: Final = frozenset({"/healthz", "/readyz"})
"""Asked by what would restart us: never refused."""


class RequestRate:
    """ASGI middleware. Behind a trusted proxy an address is that of the proxy's client."""

    def __init__(self, app: ASGIApp, limiter: RateLimiter) -> None:
        self._app = app
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] == "http" and scope["path"] not in _PROBES:
            request = Request(scope)
            address = address_of(request)
            # A proxy here that is not named as one would have all of them share its address.
            wait_s = (
                0
                if address in LOOPBACK
                else self._limiter.take_permit(address_neighbourhood(address), time.monotonic())
            )
            if wait_s:
                await too_many(request, wait_s)(scope, receive, send)
                return
        await self._app(scope, receive, send)
