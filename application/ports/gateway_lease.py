"""One gateway per installation."""

from typing import Protocol


class GatewayLease(Protocol):
    """One gateway per installation."""

    def acquire(self, holder: str, now_us: int, ttl_us: int) -> int:
        """Take or renew; returns the fencing number. Raises LeaseHeld while another holder's lease runs."""

    def release(self, holder: str) -> None:
        """Give it back at an orderly end."""
