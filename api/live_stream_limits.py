"""How many follow the live stream: in all, of one person or key, and from one address."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final, cast

from fastapi import Request

from api.authentication import Who
from api.limits import ApiLimits
from api.problems import TooBusy, TooManyRequests
from devices.network_addresses import address_neighbourhood

_RETRY_S: Final = 30


class StreamPlaces:
    """Used on the event loop only. The newest is refused: those that follow go on."""

    def __init__(self, limits: ApiLimits) -> None:
        self._limits = limits
        self._taken: Counter[str] = Counter()
        self._all = 0

    @contextmanager
    def place(self, caller: str, address: str) -> Iterator[None]:
        """Hold a place while the block runs. Raises TooManyRequests, TooBusy."""
        limits = self._limits
        holders = {f"caller {caller}": limits.streams_per_caller}
        holders[f"address {address_neighbourhood(address)}"] = limits.streams_per_address
        if self._taken[f"caller {caller}"] >= limits.streams_per_caller:
            raise TooManyRequests("streams_of_caller", most=limits.streams_per_caller, retry_after_s=_RETRY_S)
        if any(self._taken[name] >= most for name, most in holders.items()):
            raise TooManyRequests("streams_of_address", most=limits.streams_per_address, retry_after_s=_RETRY_S)
        if self._all >= limits.streams:
            raise TooBusy("streams_taken", retry_after_s=_RETRY_S)
        self._all += 1
        self._taken.update(holders.keys())
        try:
            yield
        finally:
            self._all -= 1
            self._taken.subtract(holders.keys())
            self._taken += Counter()


async def claim_stream(request: Request, who: Who) -> AsyncIterator[None]:
    """Dependency of a route that streams: a place until the answer has ended."""
    places = cast("StreamPlaces", request.app.state.stream_places)
    with places.place(f"{who.tenant_id} {who.actor}", who.address):
        yield
