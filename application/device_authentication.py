"""Whether a broker lets a login in, decided from the credential alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from application.device_credentials import device_password_matches, is_own
from application.ports.credentials import CredentialType, DeviceCredential, LoginRefusal
from devices.topics import is_id

LONGEST: Final = 200
"""Characters that are kept of what a stranger says."""


class RefusalReason(StrEnum):
    """Why a login was refused something."""

    UNKNOWN = "unknown_login"
    WRONG = "wrong_secret"
    CLIENT_ID = "client_id_of_others"
    PAUSED = "over_quota"
    """Its secret is right; it said too much, and may come back when the pause is over."""
    PUBLISH = "publish_denied"
    SUBSCRIBE = "subscribe_denied"
    SUBSCRIPTIONS = "too_many_subscriptions"
    """Of one connection, or of all with QoS 1; the device hears no commands there."""
    SESSIONS = "too_many_sessions"


@dataclass(frozen=True, slots=True)
class ConnectAttempt:
    """A wish to connect. `fingerprint`: SHA-256 of the certificate that the broker verified, in hex."""

    user: str
    client_id: str
    password: str = field(repr=False)
    fingerprint: str | None = None


def judge_attempt(known: Mapping[str, DeviceCredential], attempt: ConnectAttempt) -> RefusalReason | None:
    """None lets the device in. `known`: valid credentials by user name; the client id is looked at last."""
    credential = known.get(attempt.user)
    if credential is None:
        return RefusalReason.UNKNOWN
    if not _proved(credential, attempt):
        return RefusalReason.WRONG
    return None if is_own(attempt.client_id, attempt.user) else RefusalReason.CLIENT_ID


def _proved(credential: DeviceCredential, attempt: ConnectAttempt) -> bool:
    if credential.way is CredentialType.CERTIFICATE:
        return attempt.fingerprint == credential.proof
    return device_password_matches(credential.proof, attempt.password)


class RefusalBuffer:
    """Refusals since the last `drain`: one line per user and reason, at most so many; the rest is only counted."""

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._seen: dict[tuple[str, str], LoginRefusal] = {}
        self.untold = 0
        """Refusals that found no room."""

    def note(self, reason: RefusalReason, user: str, detail: str, address: str, now_us: int) -> bool:
        """Note one; returns whether it is the first of its kind since the last `drain`."""
        user, detail = _plain(user), _plain(detail)
        key = (user, reason.value)
        before = self._seen.get(key)
        if before is not None:
            self._seen[key] = replace(before, detail=detail, last_us=now_us, times=before.times + 1)
        elif len(self._seen) < self._most:
            tenant, kind = _whose(user)
            self._seen[key] = LoginRefusal(user, reason.value, tenant, kind, detail, address, now_us, now_us)
            return True
        else:
            self.untold += 1
        return False

    def drain(self) -> list[LoginRefusal]:
        """Give out what was noted, and forget it."""
        seen, self._seen = list(self._seen.values()), {}
        return seen

    def put_back(self, refused: list[LoginRefusal]) -> None:
        """Keep what could not be stored, as far as there is room."""
        for one in refused[: self._most]:
            self._seen.setdefault((one.user, one.reason), one)


def _whose(user: str) -> tuple[str | None, str | None]:
    parts = user.split("/")
    return (parts[0], parts[1]) if len(parts) == 3 and all(map(is_id, parts)) else (None, None)


def _plain(text: str) -> str:
    """Printable and of bounded length, as it comes from strangers and goes to logs and pages."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:LONGEST])
