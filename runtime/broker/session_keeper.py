"""Keeps the bounds of sessions at a nats-server: follows its records of them, ends what is too much."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error

from runtime.broker import mqtt_sessions
from runtime.broker.mqtt_sessions import MqttSession, SessionBounds
from runtime.broker.nats_requests import ask_server, kick, request_json

log = structlog.get_logger()
AGAIN_S: Final = 5.0
AT_ONCE: Final = 50


class SessionKeeper:
    """`keep_bounds` about twice a second, in the loop that its client runs in. `told`: login and client id."""

    def __init__(self, bounds: SessionBounds, told: Callable[[str, str], None]) -> None:
        self._bounds = bounds
        self._told = told
        self._ends: dict[str, MqttSession] = {}
        self._following = False
        self._inbox = ""
        self._tried_s = 0.0

    def begin_anew(self) -> None:
        """The broker is another process, which tells all again."""
        self._following = False

    async def keep_bounds(self, setup: Client, system: Client) -> None:
        """Follow the records, and end what is too much; what fails is tried again."""
        if not self._following and time.monotonic() - self._tried_s > AGAIN_S:
            self._tried_s = time.monotonic()
            await self._follow(setup)
        for client_id in list(self._ends)[:AT_ONCE]:
            try:
                await _end(setup, system, self._ends[client_id])
            except (Error, OSError, TimeoutError) as error:
                log.warning("session_not_ended", client_id=client_id, reason=str(error) or type(error).__name__)
                return
            log.warning("session_ended", client_id=client_id)
            self._ends.pop(client_id, None)

    async def _follow(self, setup: Client) -> None:
        """Ask for all records; there are none before the first device came."""
        self._bounds.forget()
        if not self._inbox:
            self._inbox = setup.new_inbox()
            await setup.subscribe(self._inbox, cb=self._take)
        with suppress(Error, OSError, TimeoutError):
            await request_json(setup, mqtt_sessions.CREATE, mqtt_sessions.session_watch_request(self._inbox))
            self._following = True

    async def _take(self, message: Msg) -> None:
        try:
            session = MqttSession.read(message.data, int(message.reply.split(".")[5]))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            log.error("session_not_understood", reason=type(error).__name__)  # noqa: TRY400 - it may hold anything
            return
        owner, ends = self._bounds.admit_session(session, time.monotonic())
        for one in ends:
            self._ends[one.client_id] = one
            self._told(owner, one.client_id)


async def _end(setup: Client, system: Client, session: MqttSession) -> None:
    """Cut who has it, and have the broker forget it; then it is as if it had never been."""
    page = await ask_server(system, "CONNZ", {"mqtt_client": session.client_id, "auth": True})
    for connection in page["data"]["connections"]:
        if connection.get("mqtt_client") != session.client_id:
            continue
        await kick(system, page["server"]["id"], connection["cid"])
    for consumer in session.consumers:
        await request_json(setup, mqtt_sessions.END_CONSUMER + consumer, {}, gone=True)
    await request_json(setup, mqtt_sessions.FORGET, {"seq": session.number}, gone=True)
