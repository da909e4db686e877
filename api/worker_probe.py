"""Whether the threads that answer requests still take work: when all of them wait for ever the API hangs."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from anyio import move_on_after
from anyio.to_thread import run_sync

from api.change_feed import wait_for

EVERY_S: Final = 1.0
_TRY_S: Final = 2.0
_PATIENCE_S: Final = 60.0
"""Far more than thousands of requests take that came at once."""


class WorkerProbe:
    """Sends an empty call through them each second; their event loop alone would go on saying that all is well."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._passed_at = clock()

    def hangs(self) -> bool:
        """Tell whether no call has passed for a minute."""
        return self._clock() - self._passed_at > _PATIENCE_S

    async def run(self, stopped: asyncio.Event) -> None:
        """Try until `stopped`."""
        while not await wait_for(stopped, EVERY_S):
            await self.send()

    async def send(self) -> None:
        """Send one call, and wait for it a moment."""
        with move_on_after(_TRY_S):
            await run_sync(_nothing)
            self._passed_at = self._clock()


def _nothing() -> None:
    """Only a thread that is free comes here."""
