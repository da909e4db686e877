"""What each login said at a nats-server, from the figures of its connections, open and ended."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self

from devices.time_us import to_us
from devices.topics import is_id

HEADER_BYTES: Final = 25
"""What nats-server puts before the payload of a message of MQTT, and counts."""


@dataclass(frozen=True, slots=True)
class ConnectionCount:
    """One connection; figures since it began. `login`: tenant/kind/device, empty for who is none of these.

    `ended_us`: when, by the server's clock; 0 while it is open.
    """

    number: int
    login: str
    messages: int
    size: int
    ended_us: int = 0

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Self:
        """From an entry of CONNZ."""
        user, messages = said.get("authorized_user", ""), int(said["in_msgs"])
        login = user if said.get("type") == "mqtt" and _is_device(user) else ""
        size = max(0, int(said["in_bytes"]) - HEADER_BYTES * messages)
        ended_us = to_us(datetime.fromisoformat(said["stop"])) if "stop" in said else 0
        return cls(int(said["cid"]), login, messages, size, ended_us)


@dataclass(slots=True)
class ConnectionCounts:
    """Sums up by login what was added since the last look; who comes back under a new number takes his sums along.

    Of each look the open connections are asked for first, so that none is missed that ends between.
    """

    _seen: dict[int, tuple[int, int]] = field(default_factory=dict)
    _ended_us: int = 0
    """Of the connections that ended, the last that was counted."""
    begun: bool = False

    def begin_anew(self) -> None:
        """The server is another process: all its connections are new, and what they said so far counts."""
        self._seen, self._ended_us = {}, 0

    def count(self, opened: Iterable[ConnectionCount], ended: Iterable[ConnectionCount]) -> dict[str, tuple[int, int]]:
        """Messages and bytes by login; the first look only begins."""
        said: dict[str, tuple[int, int]] = {}
        before, self._seen = self._seen, {}
        for one in opened:
            if one.login:
                _add(said, one, before.get(one.number, (0, 0)))
                self._seen[one.number] = (one.messages, one.size)
        last_us = self._ended_us
        for one in ended:
            if one.login and one.ended_us > last_us:
                _add(said, one, self._seen.pop(one.number, before.get(one.number, (0, 0))))
            self._ended_us = max(self._ended_us, one.ended_us)
        begun, self.begun = self.begun, True
        return said if begun else {}


def _add(said: dict[str, tuple[int, int]], one: ConnectionCount, before: tuple[int, int]) -> None:
    if one.messages > before[0]:
        messages, size = said.get(one.login, (0, 0))
        said[one.login] = (messages + one.messages - before[0], size + one.size - before[1])


def _is_device(user: str) -> bool:
    levels = user.split("/")
    return len(levels) == 3 and all(map(is_id, levels))
