"""Counts failed attempts to get in, per account and per address, and says when the next may be made."""

import random
import threading
from collections import OrderedDict, deque
from typing import Final

from api.problems import TooManyRequests
from devices.network_addresses import address_neighbourhood
from devices.time_us import MINUTE_US, SECOND_US

MOST_A_MINUTE: Final = 10
MOST_REMEMBERED: Final = 20_000


class Locked(TooManyRequests):
    """Too many failed attempts; wait before you try again."""


class LoginThrottle:
    """Thread-safe, bounded: the account or address not heard of for longest is forgotten first.

    An account under attack stays open for addresses from which its owner got in before.
    An empty account is not counted.
    """

    def __init__(self) -> None:
        self._failed: OrderedDict[str, deque[int]] = OrderedDict()
        self._welcome: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, account: str, address: str, now_us: int) -> None:
        """Count an attempt, as failed until `succeeded`. Raises Locked."""
        address = address_neighbourhood(address)
        with self._lock:
            names = [f"address {address}"]
            if account and (account, address) not in self._welcome:
                names.append(f"account {account}")
            waits = [wait for name in names if (wait := self._wait_us(name, now_us)) > 0]
            if waits:
                # By chance, so that those who guess many at once do not all come again at once.
                held_s = random.uniform(1, 3)  # noqa: S311 - guards nothing
                raise Locked(retry_after_s=-(-max(waits) // SECOND_US), held_s=held_s)
            for name in names:
                self._failed.setdefault(name, deque()).append(now_us)
            while len(self._failed) > MOST_REMEMBERED:
                self._failed.popitem(last=False)

    def succeeded(self, account: str, address: str) -> None:
        """Take the attempt back that got in."""
        address = address_neighbourhood(address)
        with self._lock:
            for name in (f"address {address}", f"account {account}"):
                if self._failed.get(name):
                    self._failed[name].pop()
            self._welcome[account, address] = None
            self._welcome.move_to_end((account, address))
            if len(self._welcome) > MOST_REMEMBERED:
                self._welcome.popitem(last=False)

    def _wait_us(self, name: str, now_us: int) -> int:
        failed = self._failed.get(name)
        if failed is None:
            return 0
        self._failed.move_to_end(name)
        while failed and failed[0] <= now_us - MINUTE_US:
            failed.popleft()
        return failed[0] + MINUTE_US - now_us if len(failed) >= MOST_A_MINUTE else 0
