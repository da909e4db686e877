"""Counts what comes in on a lane by login, once per batch, against the quotas."""

import threading
import time
from collections.abc import Iterable
from typing import Final

from application.message_quota import MessageQuotas, QuotaExceeded, QuotaMeter
from devices.samples import RawMessage
from devices.topics import is_id

_TOPICS_REMEMBERED: Final = 50_000
_LONGEST: Final = 512
"""A topic may have 65,535 bytes."""


class QuotaMetering:
    """Counting belongs to the lane's thread; `drain_exceeded` may be called from any."""

    def __init__(self, quotas: MessageQuotas, root: str, last_received_s: float | None = None) -> None:
        self._meter = QuotaMeter(quotas)
        self._depth = root.count("/") + 1
        self._logins: dict[bytes, str | None] = {}
        self._connects = 0
        self._counted_s = time.monotonic()
        if last_received_s is not None:
            self._counted_s -= max(0.0, time.time() - last_received_s)
        self._lock = threading.Lock()
        self._exceeded: dict[str, QuotaExceeded] = {}

    def count(self, messages: Iterable[RawMessage], connects: int) -> None:
        """Count a batch. `connects`: how many connections there were; after a new one what waited comes at once."""
        said: dict[bytes, list[int]] = {}
        for message in messages:
            if message.retained or message.duplicate:
                continue
            entry = said.get(message.topic)
            if entry is None:
                said[message.topic] = [1, len(message.payload)]
            else:
                entry[0] += 1
                entry[1] += len(message.payload)
        now_s = time.monotonic()
        if connects != self._connects:
            self._connects = connects
            self._meter.absent(now_s - self._counted_s, now_s)
        self._counted_s = now_s
        for found in self._meter.count(self._by_login(said), now_s):
            self._note(found)

    def drain_exceeded(self) -> list[QuotaExceeded]:
        """Who exceeded his quota since the last call."""
        if not self._exceeded:
            return []
        with self._lock:
            taken, self._exceeded = list(self._exceeded.values()), {}
        return taken

    def _note(self, found: QuotaExceeded) -> None:
        with self._lock:
            before = self._exceeded.get(found.login)
            if before is not None:
                found = QuotaExceeded(found.login, before.messages + found.messages, before.size + found.size)
            self._exceeded[found.login] = found

    def _by_login(self, said: dict[bytes, list[int]]) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}
        for topic, (messages, size) in said.items():
            login = self._login(topic)
            if login is not None:
                before = found.get(login, (0, 0))
                found[login] = (before[0] + messages, before[1] + size)
        return found

    def _login(self, topic: bytes) -> str | None:
        """Tenant, kind and device of a topic; None where it names none."""
        try:
            return self._logins[topic]
        except KeyError:
            pass
        levels = topic.decode(errors="replace").split("/")[self._depth : self._depth + 3]
        login = "/".join(levels) if len(levels) == 3 and all(map(is_id, levels)) else None
        if len(self._logins) >= _TOPICS_REMEMBERED:
            self._logins.clear()
        if len(topic) <= _LONGEST:
            self._logins[topic] = login
        return login
