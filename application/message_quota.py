"""How much a device may say: a leaky bucket of messages and one of bytes for each login, counted a batch at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from application.ports.quota_pauses import QuotaPause
from devices.time_us import SECOND_US

FIRST_PAUSE_S: Final = 10
LONGEST_PAUSE_S: Final = 3600
FORGIVEN_S: Final = 6 * 3600
"""Who kept within his quota for so long after a pause begins anew with the first."""
CATCHING_UP_S: Final = 600
"""How long after an absence of ours what a login might have said meanwhile is not held against it."""
_REMEMBERED: Final = 100_000


@dataclass(frozen=True, slots=True)
class MessageQuota:
    """What one device may say on each lane: so much a second, and so much at once."""

    messages_per_s: float = 100
    burst_messages: float = 2_000
    bytes_per_s: float = 262_144
    burst_bytes: float = 33_554_432

    def of_lanes(self, lanes: int) -> "MessageQuota":
        """What it may say on so many lanes together."""
        return MessageQuota(
            lanes * self.messages_per_s, lanes * self.burst_messages, lanes * self.bytes_per_s, lanes * self.burst_bytes
        )


@dataclass(frozen=True, slots=True)
class MessageQuotas:
    """`by_kind`: of kinds that may say more, or less, than is usual."""

    usual: MessageQuota = MessageQuota()
    by_kind: Mapping[str, MessageQuota] = field(default_factory=dict)

    def of(self, login: str) -> MessageQuota:
        """Of a login, `tenant/kind/device`."""
        return self.by_kind.get(login.split("/")[1], self.usual) if self.by_kind else self.usual

    def of_lanes(self, lanes: int) -> "MessageQuotas":
        """For who counts so many lanes in one."""
        return MessageQuotas(
            self.usual.of_lanes(lanes), {kind: quota.of_lanes(lanes) for kind, quota in self.by_kind.items()}
        )

    def smallest_burst(self) -> tuple[float, float]:
        """Messages and bytes: who said less than these since he was counted cannot be far beyond his quota."""
        every = (self.usual, *self.by_kind.values())
        return min(quota.burst_messages for quota in every), min(quota.burst_bytes for quota in every)


class QuotaExceeded(NamedTuple):
    """A login said more than it may; what of it came since it was last told."""

    login: str
    messages: int
    size: int


@dataclass(slots=True)
class _Level:
    """How full the buckets of a login are; below 0 it has credit."""

    messages: float
    size: float
    at_s: float
    since: int
    """Number of the absence that it was given credit for."""


class QuotaMeter:
    """Counts one lane; one thread. Logins are remembered up to 100,000, those with empty buckets leave first."""

    def __init__(self, quotas: MessageQuotas) -> None:
        self._quotas = quotas
        self._levels: dict[str, _Level] = {}
        self._absences = 0
        self._absent_s = 0.0
        self._back_s = float("-inf")

    def absent(self, seconds: float, now_s: float) -> None:
        """Nothing was received for so long: what comes now may have been said then."""
        self._absences += 1
        self._absent_s, self._back_s = seconds, now_s

    def count(self, said: Mapping[str, tuple[int, int]], now_s: float) -> list[QuotaExceeded]:
        """Count messages and bytes by login; gives those that are beyond their quota now."""
        if len(self._levels) > _REMEMBERED:
            self._forget(now_s)
        found = []
        for login, (messages, size) in said.items():
            quota, level = self._quotas.of(login), self._levels.get(login)
            level = self._fresh(quota, now_s) if level is None else self._leaked(level, quota, now_s)
            level.messages += messages
            level.size += size
            if level.messages > quota.burst_messages or level.size > quota.burst_bytes:
                found.append(QuotaExceeded(login, messages, size))
                # Who is let in again finds his buckets full, not overflowing for hours.
                level.messages = min(level.messages, quota.burst_messages)
                level.size = min(level.size, quota.burst_bytes)
            self._levels[login] = level
        return found

    def _fresh(self, quota: MessageQuota, now_s: float) -> _Level:
        return self._credited(_Level(0.0, 0.0, now_s, 0), quota, now_s)

    def _leaked(self, level: _Level, quota: MessageQuota, now_s: float) -> _Level:
        passed_s = now_s - level.at_s
        level.at_s = now_s
        level.messages = _leak(level.messages, quota.messages_per_s * passed_s)
        level.size = _leak(level.size, quota.bytes_per_s * passed_s)
        if now_s - self._back_s > CATCHING_UP_S:
            level.messages, level.size = max(0.0, level.messages), max(0.0, level.size)
        return level if level.since == self._absences else self._credited(level, quota, now_s)

    def _credited(self, level: _Level, quota: MessageQuota, now_s: float) -> _Level:
        level.since = self._absences
        if now_s - self._back_s <= CATCHING_UP_S:
            level.messages -= quota.messages_per_s * self._absent_s
            level.size -= quota.bytes_per_s * self._absent_s
        return level

    def _forget(self, now_s: float) -> None:
        full = {
            login: level
            for login, level in self._levels.items()
            if self._leaked(level, self._quotas.of(login), now_s).messages > 0 or level.size > 0
        }
        self._levels = full if len(full) <= _REMEMBERED // 2 else {}


def _leak(level: float, by: float) -> float:
    return level if level < 0 else max(0.0, level - by)


def pause_s(times: int) -> float:
    """How long a login stays out when it exceeded its quota for the so-manieth time."""
    return float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(times - 1, 20)))


def next_pause(found: QuotaExceeded, before: QuotaPause | None, now_us: int) -> QuotaPause | None:
    """The pause that follows; None while one lasts: what comes then was said before."""
    if before is not None and now_us < before.until_us:
        return None
    in_a_row = before is not None and now_us - before.until_us < FORGIVEN_S * SECOND_US
    times = before.times + 1 if before is not None and in_a_row else 1
    tenant, kind, device = found.login.split("/")
    until_us = now_us + round(pause_s(times) * SECOND_US)
    return QuotaPause(tenant, kind, device, now_us, until_us, times, found.messages, found.size)
