"""The second thing that proves who signs in: whose role needs one, and the codes of authenticator apps (RFC 6238)."""

import hmac
import secrets
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from application.access.roles import EVERYTHING, RoleGrant
from devices.deferred_module import DeferredModule
from devices.time_us import MINUTE_US, SECOND_US

if TYPE_CHECKING:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.twofactor import totp
else:
    hashes = DeferredModule("cryptography.hazmat.primitives.hashes")
    totp = DeferredModule("cryptography.hazmat.primitives.twofactor.totp")

STEP_S: Final = 30
DIGITS: Final = 6
SECRET_BYTES: Final = 20
"""As long as the hash, which RFC 4226 asks for."""
FREE_TRIES: Final = 5
LONGEST_WAIT_US: Final = 15 * MINUTE_US
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_LEADING: Final = frozenset({"users:admin", "api_keys:admin", "credentials:admin"})
"""Who may let others in, people, programs or devices, leads."""


class SecondFactorPolicy(StrEnum):
    """Whether those who lead must have a second factor; all others may."""

    REQUIRED = "required"
    OFFERED = "offered"


class SecondFactorMethod(StrEnum):
    """What proved it. `provider`: the OpenID provider says so."""

    TOTP = "totp"
    PASSKEY = "passkey"
    RECOVERY = "recovery"
    PROVIDER = "provider"


class SignInStep(StrEnum):
    """What is to be done between the password and everything else."""

    PROVE = "prove"
    ENROL = "enrol"


def lets_others_in(scopes: Collection[str]) -> bool:
    """Tell whether a role with these scopes lets others in."""
    return EVERYTHING in scopes or any(s in scopes or f"{s.partition(':')[0]}:*" in scopes for s in _LEADING)


def needs_second_factor(grants: Iterable[RoleGrant], known: Mapping[str, frozenset[str]]) -> bool:
    """Tell whether somebody with these roles must have one where that is required. `known`: scopes of each role."""
    return any(lets_others_in(known.get(grant.role, frozenset())) for grant in grants)


def new_totp_secret() -> bytes:
    """A fresh secret for an authenticator app."""
    return secrets.token_bytes(SECRET_BYTES)


def totp_uri(secret: bytes, account: str, issuer: str) -> str:
    """What the app reads from a QR code."""
    return _totp(secret).get_provisioning_uri(account, issuer)


def totp_step(secret: bytes, code: str, now_us: int, last_step: int) -> int | None:
    """The time step that a code is right for, at most one off; None when it is wrong, or no newer than the last used.

    A last step from far ahead was used while the clock was wrong: nobody is kept out until the clock gets there again.
    """
    now_step = now_us // SECOND_US // STEP_S
    newest = last_step if last_step <= now_step + 1 else -1
    found = None
    for step in (now_step - 1, now_step, now_step + 1):
        same = hmac.compare_digest(_totp(secret).generate(step * STEP_S).decode(), code)
        if same and step > newest and found is None:
            found = step
    return found


def new_recovery_codes(count: int = 10) -> list[str]:
    """Codes that work once each where the factor is lost; 74 random bits, so that nobody guesses one."""
    return ["-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(3)) for _ in range(count)]


def plain_recovery_code(typed: str) -> str:
    """A code as it was given, however it was typed."""
    return "".join(c for c in typed.lower() if c in _ALPHABET)


def wait_us(failed: int, last_us: int, now_us: int) -> int:
    """How long after so many failures in a row, the last at `last_us`, the next try must wait; 0 when it need not.

    Five are free, then half a minute, doubling up to a quarter of an hour: 96 a day. A time before the last is none:
    whoever asks at once with others has one. Who keeps `last_us` sets it back then, so that nobody waits longer.
    """
    if failed < FREE_TRIES:
        return 0
    pause_us = min((30 * SECOND_US) << min(failed - FREE_TRIES, 10), LONGEST_WAIT_US)
    return max(0, pause_us - max(0, now_us - last_us))


def _totp(secret: bytes) -> "totp.TOTP":
    return totp.TOTP(secret, DIGITS, hashes.SHA1(), STEP_S)
