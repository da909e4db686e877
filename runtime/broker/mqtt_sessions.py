"""Bounds the sessions that a login leaves at a nats-server: it keeps what each subscribed to, for ever."""

import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Self

MOST: Final = 4
"""Persistent sessions of one login; each may have eight filters of QoS 1, as `max_ack_pending` allows."""
SUBSCRIPTIONS: Final = 32
"""Of one connection, as nats-server counts: a filter is one, with QoS 1 two, and twice that where it ends in #."""
PAUSE_S: Final = 60.0
LONGEST_S: Final = 3600.0
_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class MqttSession:
    """What nats-server wrote down of a session, under a number that rises."""

    client_id: str
    clean: bool
    consumers: tuple[str, ...]
    number: int

    @classmethod
    def read(cls, record: bytes, number: int) -> Self:
        """Parse. Raises ValueError, KeyError, TypeError, AttributeError."""
        said = json.loads(record)
        consumers = (one["durable_name"] for one in (said.get("cons") or {}).values())
        return cls(said["id"], bool(said.get("clean")), tuple(consumers), number)


@dataclass(slots=True)
class _Pause:
    until_s: float
    next_s: float


@dataclass(slots=True)
class SessionBounds:
    """Which sessions of a login are too many; those used last stay.

    `owner_of`: the login of a client id and how many sessions under such ids it may keep; None leaves it alone.
    """

    owner_of: Callable[[str], tuple[str, int] | None]
    _kept: dict[str, OrderedDict[str, MqttSession]] = field(default_factory=dict)
    _pauses: OrderedDict[str, _Pause] = field(default_factory=OrderedDict)

    def forget(self) -> None:
        """The broker will tell all anew."""
        self._kept.clear()

    def admit_session(self, session: MqttSession, now_s: float) -> tuple[str, list[MqttSession]]:
        """Take a session as it is now; returns its login, and what is to end. Who has too many may make no new ones."""
        found = self.owner_of(session.client_id)
        if found is None:
            return "", []
        owner, most = found
        if most == 0:
            ends = [] if session.clean else [session]
            self._pause(owner, now_s, bool(ends))
            return owner, ends
        kept = self._kept.setdefault(owner, OrderedDict())
        kept.pop(session.client_id, None)
        if not session.clean:
            kept[session.client_id] = session
        ends = [kept.popitem(last=False)[1] for _ in range(len(kept) - most)]
        if not kept:
            del self._kept[owner]
        self._pause(owner, now_s, bool(ends))
        return owner, ends

    def refuses(self, user: str, client_id: str, now_s: float) -> bool:
        """Tell whether the login had too many just now, and this would be one more."""
        pause = self._pauses.get(user)
        known = client_id in {user, user.rpartition("/")[2]} or client_id in self._kept.get(user, ())
        return pause is not None and now_s < pause.until_s and not known

    def _pause(self, user: str, now_s: float, too_many: bool) -> None:  # noqa: FBT001 - private
        if not too_many:
            return
        before = self._pauses.pop(user, None)
        pause_s = PAUSE_S if before is None else before.next_s
        if before is not None and now_s < before.until_s:
            self._pauses[user] = before
            return
        self._pauses[user] = _Pause(now_s + pause_s, min(2 * pause_s, LONGEST_S))
        if len(self._pauses) > _REMEMBERED:
            self._pauses.popitem(last=False)


def session_watch_request(deliver_to: str) -> dict[str, Any]:
    """Request for a consumer of all records of sessions, as they are and as they come."""
    config = {"deliver_subject": deliver_to, "deliver_policy": "all", "ack_policy": "none", "mem_storage": True}
    return {"stream_name": STREAM, "config": config}


STREAM: Final = "$MQTT_sess"
CREATE: Final = f"$JS.API.CONSUMER.CREATE.{STREAM}"
FORGET: Final = f"$JS.API.STREAM.MSG.DELETE.{STREAM}"
END_CONSUMER: Final = "$JS.API.CONSUMER.DELETE.$MQTT_msgs."


def session_subjects() -> list[str]:
    """Subjects that who keeps the bounds needs to ask."""
    return [CREATE, FORGET, f"{END_CONSUMER}*"]
