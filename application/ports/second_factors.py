"""What proves who signs in beside the password: authenticator apps, passkeys, recovery codes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from application.access.second_factor import SecondFactorMethod


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """One authenticator app or passkey of a user."""

    factor_id: str
    user_id: str
    method: SecondFactorMethod
    name: str
    created_us: int
    proof: bytes = field(repr=False)
    """Of an app its sealed secret, of a passkey its public key (COSE)."""
    credential_id: bytes | None = None
    """Of a passkey: what the browser knows it by."""
    counter: int = -1
    """Of an app the last time step used, of a passkey its signature count."""
    confirmed_us: int | None = None
    """None: an app that has not shown its first code yet, and counts for nothing."""
    last_used_us: int | None = None


class SecondFactors(Protocol):
    """Second factors, and how often somebody tried."""

    def add(self, factor: SecondFactor) -> None:
        """Store; an app of the user that was never confirmed goes. Raises IdUnavailable for a known credential id."""

    def of_user(self, user_id: str, *, unconfirmed: bool = False) -> Sequence[SecondFactor]:
        """Confirmed ones, oldest first; or the ones that are not."""

    def holders(self, user_ids: Collection[str]) -> frozenset[str]:
        """Which of these users have a confirmed one."""

    def confirm(self, factor_id: str, name: str, at_us: int) -> None:
        """It counts from now on."""

    def use(self, factor_id: str, counter: int, at_us: int, *, after: int) -> bool:
        """Note a use; False when another used it since its counter was `after`."""

    def remove(self, user_id: str, factor_id: str) -> None:
        """Forget one. Raises NotFound."""

    def remove_all(self, user_id: str) -> int:
        """Forget all, with recovery codes and failed tries; returns how many apps and passkeys."""

    def put_recovery_codes(self, user_id: str, digests: Collection[bytes], now_us: int) -> None:
        """Store; earlier ones stop working."""

    def take_recovery_code(self, user_id: str, digest: bytes) -> bool:
        """Use one up; False when there is none such."""

    def recovery_codes_left(self, user_id: str) -> int:
        """How many still work."""

    def begin_try(self, user_id: str, now_us: int) -> int:
        """Count a try as failed, alone among others at once; or return how many µs it must wait, and count nothing."""

    def end_tries(self, user_id: str) -> None:
        """Forget failed tries: one was right."""
