"""Which logins are kept out: as the registry says, and as was begun here, also while the registry is away."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import structlog

from application.message_quota import FORGIVEN_S, QuotaExceeded, next_pause
from application.ports.quota_pauses import QuotaPause, QuotaPauses
from application.ports.registry import Registry
from devices.time_us import SECOND_US

log = structlog.get_logger()
_FORGIVEN_US: Final = FORGIVEN_S * SECOND_US


class QuotaPauseCache:
    """`begin` and `is_paused` from one loop; `record` may wait for the registry beside it. `most`: not recorded yet."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._told: Mapping[str, QuotaPause] = {}
        """By the registry."""
        self._begun: dict[str, QuotaPause] = {}
        """Here, and not recorded yet."""

    def take_over(self, pauses: Iterable[QuotaPause]) -> None:
        """The registry's, also those over that still count in a row."""
        self._told = {pause.user: pause for pause in pauses}

    @staticmethod
    def oldest_us(now_us: int) -> int:
        """Pauses that ended before count no more."""
        return now_us - _FORGIVEN_US

    def is_paused(self, user: str, now_us: int) -> bool:
        """Tell whether nobody is let in with this login now."""
        newest = self._newest(user)
        return newest is not None and now_us < newest.until_us

    def begin(self, found: QuotaExceeded, now_us: int) -> bool:
        """Keep a login out from now on; False while it is, or when too many wait to be recorded."""
        pause = next_pause(found, self._newest(found.login), now_us)
        if pause is None or (len(self._begun) >= self._most and found.login not in self._begun):
            return False
        self._begun[found.login] = pause
        seconds = (pause.until_us - pause.since_us) // SECOND_US
        log.warning(
            "login_paused", user=pause.user, seconds=seconds, times=pause.times, messages=pause.messages, by="broker"
        )
        return True

    def record(self, registry: Registry) -> None:
        """Write down what was begun here. Raises RegistryUnavailable: it is tried again, and counts meanwhile."""
        begun = dict(self._begun)
        if not begun:
            return
        with registry.write() as tx:
            pauses = tx.get(QuotaPauses)
            known = pauses.of_users(begun)
            due = [_joined(pause, known.get(user)) for user, pause in begun.items()]
            pauses.put([pause for pause in due if pause is not None])
        self._told = {**self._told, **{pause.user: pause for pause in due if pause is not None}}
        for user, pause in begun.items():
            if self._begun.get(user) is pause:
                del self._begun[user]

    def _newest(self, user: str) -> QuotaPause | None:
        here, told = self._begun.get(user), self._told.get(user)
        if here is None or told is None:
            return here or told
        return max(here, told, key=lambda pause: pause.until_us)


def _joined(pause: QuotaPause, known: QuotaPause | None) -> QuotaPause | None:
    """A pause begun here as it is recorded; None when who counts elsewhere had begun one before."""
    found = QuotaExceeded(pause.user, pause.messages, pause.size)
    anew = next_pause(found, known, pause.since_us)
    if anew is None or anew.times >= pause.times:
        return anew
    return replace(anew, until_us=pause.until_us, times=pause.times)
