"""Lets devices in at a nats-server, which asks it at each connect (auth callout); cuts those that lost their right."""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

import nats
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error, NoRespondersError

from application.device_authentication import ConnectAttempt, RefusalBuffer, RefusalReason, judge_attempt
from application.device_certificates import CertificateFacts
from application.health.assessment import AUTH_CALLOUT
from application.health.faults import SystemFault
from application.ports.credentials import CredentialRepository, DeviceCredential, LoginRefusal, LoginRefusals
from application.ports.heartbeats import Heartbeat, HeartbeatRepository
from application.ports.memberships import MembershipRepository
from application.ports.quota_pauses import QuotaPauses
from application.ports.registry import Registry
from devices.errors import RegistryUnavailable
from devices.time_us import SECOND_US, to_us
from runtime.broker.auth_queue import AuthQueue
from runtime.broker.broker_quota import BrokerQuota, Flood
from runtime.broker.jwt_signer import AuthRequest, JwtSigner
from runtime.broker.mqtt_sessions import MOST, SessionBounds
from runtime.broker.nats_conf import DEVICES, Permissions
from runtime.broker.nats_requests import PATIENCE_S, ask_server, kick
from runtime.broker.permission_violations import LogTail
from runtime.broker.quota_pause_cache import QuotaPauseCache
from runtime.broker.session_keeper import SessionKeeper
from runtime.broker.silent_connections import SilentConnections

log = structlog.get_logger()
LOOK_S: Final = 0.25
BEAT_S: Final = 5.0
FULL_TOLD_S: Final = 300.0
"""How long it is a fault that the broker refused a subscription: so long a device may well stay without commands."""
_DEAF_US: Final = 30 * SECOND_US
"""Without an answer for so long nobody is let in, whatever the connection looks like."""
_PING_S: Final = 10
_PINGS: Final = 3
"""Unanswered, and the connection is made anew: also one that is open and that nobody reads any more."""
_NOBODYS: Final = "lautern.auth_callout.heard"
"""A subject that nobody answers on: the broker says so at once."""
TOLD_AGAIN_S: Final = 60.0
_REASONS: Final = 100
_PAGE: Final = 1000
_REMEMBERED: Final = 100_000
_CLOCKS_US: Final = 5 * SECOND_US
"""How far broker's and registry's clocks may differ; a cut too many costs a reconnect."""
_GIVEN: Final = re.compile(r"[0-9A-Za-z]{22}")
"""Client ids that nats-server makes for who brings none: random, so that nobody else can take them."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class CalloutAddress:
    """Where the nats-server is, and the passwords of its users `callout`, `system` and `setup`."""

    url: str
    callout: str
    system: str
    setup: str


@dataclass(frozen=True, slots=True)
class _Guest:
    """Who was let in under a connection number, with which credential."""

    user: str
    issued_us: int
    connector: bool


class PermissionsOf(Protocol):
    """What a user may publish to and subscribe to."""

    def __call__(self, user: str, *, connector: bool) -> Permissions:
        """`connector`: it may speak for others too."""


class AuthCallout:
    """Answers from memory, so that devices come in while the registry is away; runs in one event loop."""

    def __init__(
        self,
        registry: Registry,
        address: CalloutAddress,
        signer: JwtSigner,
        permissions: "PermissionsOf",
        violations: LogTail | None,
        *,
        silent: SilentConnections | None = None,
        quota: BrokerQuota | None = None,
    ) -> None:
        self._registry = registry
        self._address = address
        self._signer = signer
        self._permissions = permissions
        self._violations = violations
        self._silent = silent
        self._quota = quota
        self._known: Mapping[str, DeviceCredential] = {}
        self._paused = QuotaPauseCache()
        self._connectors: Mapping[str, int] = {}
        self._revision = self._pauses = -1
        self._guests: OrderedDict[tuple[str, int], _Guest] = OrderedDict()
        self._noting = RefusalBuffer()
        self._to_cut = True
        self._beaten = -BEAT_S
        self._full_s = -FULL_TOLD_S
        self._answering_us = 0
        """When we last heard of the broker on the connection that it asks on."""
        self._unanswered_us = (1, 0)
        """From when until when it may have asked in vain, as that connection was lost."""
        self._said: dict[str, float] = {}
        """When each trouble of a connection was told last."""
        self._given: OrderedDict[str, str] = OrderedDict()
        self._waiting = AuthQueue(lambda request: request.user in self._known)
        self._users: Mapping[str, str] = {}
        self._sessions = SessionBounds(self._owner_of)
        self._keeper = SessionKeeper(self._sessions, self._note_session)

    async def run(self, stop: asyncio.Event, alive: Callable[[], None]) -> None:
        """Serve until `stop`; `alive` is called four times a second. Raises RegistryUnavailable at the start only."""
        await asyncio.to_thread(self._read)
        client = await self._connect("callout", self._address.callout)
        system = await self._connect("system", self._address.system)
        setup = await self._connect("setup", self._address.setup)
        tasks = [asyncio.create_task(self._answer_in_turn())]
        if self._quota is not None:
            tasks.append(asyncio.create_task(self._meter(self._quota, system)))
        try:
            await client.subscribe("$SYS.REQ.USER.AUTH", cb=self._answer)
            await self._hear(client)
            log.info("auth_callout_open", logins=len(self._known))
            while not stop.is_set():
                alive()
                for task in tasks:
                    if task.done():
                        task.result()
                await self._look(system)
                await self._keeper.keep_bounds(setup, system)
                await self._beat(client)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), LOOK_S)
        finally:
            for task in tasks:
                task.cancel()
            await client.close()
            await system.close()
            await setup.close()

    async def _connect(self, user: str, password: str) -> Client:
        return await nats.connect(
            self._address.url,
            user=user,
            password=password,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.25,
            ping_interval=_PING_S,
            max_outstanding_pings=_PINGS,
            error_cb=self._told,
            reconnected_cb=self._listen_again if user == "callout" else self._back,
        )

    async def _told(self, error: Exception) -> None:
        """Four times a second while another server is there, which knows no login of ours: told once a minute."""
        reason, now = str(error) or type(error).__name__, time.monotonic()
        if now - self._said.get(reason, -TOLD_AGAIN_S) < TOLD_AGAIN_S:
            return
        if len(self._said) >= _REASONS:
            self._said.clear()
        self._said[reason] = now
        log.warning("auth_callout_connection", reason=reason, url=self._address.url)

    async def _back(self) -> None:
        """Connection numbers begin again with a new process of the broker."""
        self._to_cut = True
        self._keeper.begin_anew()

    async def _listen_again(self) -> None:
        """Who asked meanwhile would wait its whole time for an answer."""
        self._unanswered_us = (self._answering_us, _now_us())
        self._to_cut = True

    async def _look(self, system: Client) -> None:
        try:
            if await asyncio.to_thread(self._read):
                self._to_cut = True
            self._note_violations()
            await asyncio.to_thread(self._paused.record, self._registry)
            if refused := self._noting.drain():
                await asyncio.to_thread(self._store, refused)
        except RegistryUnavailable as error:
            log.warning("auth_callout_registry_away", reason=str(error))
        if self._silent is not None:
            try:
                await self._silent.cut_silent(system)
            except (Error, OSError, TimeoutError) as error:
                log.warning("auth_callout_cannot_count", reason=str(error) or type(error).__name__)
        if self._to_cut:
            try:
                self._to_cut = False
                await self._cut(system)
            except (Error, OSError, TimeoutError) as error:
                self._to_cut = True
                log.warning("auth_callout_cannot_cut", reason=str(error))

    async def _meter(self, quota: BrokerQuota, system: Client) -> None:
        """Beside the rest, which may wait for the registry."""
        while True:
            try:
                await self._keep_out(system, await quota.find_exceeded(system))
            except (Error, OSError, TimeoutError) as error:
                log.warning("auth_callout_cannot_meter", reason=str(error) or type(error).__name__)
            await asyncio.sleep(LOOK_S)

    async def _keep_out(self, system: Client, floods: Sequence[Flood]) -> None:
        """Pause first: who is cut comes back at once. Who came in since the list was made goes with the next cut."""
        for flood in [flood for flood in floods if self._paused.begin(flood.exceeded, _now_us())]:
            self._to_cut = True
            for number in flood.connections:
                await kick(system, flood.server, number, gone=True)

    async def _beat(self, client: Client) -> None:
        """Let readiness know that it answers."""
        if time.monotonic() - self._beaten < BEAT_S:
            return
        self._beaten = time.monotonic()
        with suppress(Error, OSError, TimeoutError):
            await self._hear(client)
        try:
            full = SystemFault.BROKER_FULL if time.monotonic() - self._full_s < FULL_TOLD_S else None
            hears = client.is_connected and _now_us() - self._answering_us < _DEAF_US
            await asyncio.to_thread(self._put_beat, full if hears else SystemFault.AUTH_CALLOUT_AWAY)
        except RegistryUnavailable as error:
            log.warning("auth_callout_registry_away", reason=str(error))

    async def _hear(self, client: Client) -> None:
        """Ask on the connection that the broker asks on."""
        # Not by a ping: when the answer comes to one that was given up, nats-py stops to read, for good and silently.
        now_us = _now_us()
        with suppress(NoRespondersError):
            await client.request(_NOBODYS, timeout=PATIENCE_S)
        self._answering_us = now_us

    def _put_beat(self, fault: SystemFault | None) -> None:
        now_us = _now_us()
        success_us = now_us if fault is None else None
        beat = Heartbeat(AUTH_CALLOUT, now_us, fault is None, success_us, {"fault": fault, "logins": len(self._known)})
        with self._registry.write() as tx:
            tx.get(HeartbeatRepository).put([beat])

    def _read(self) -> bool:
        """Take over what changed; whether something did."""
        with self._registry.read() as tx:
            credentials, pauses = tx.get(CredentialRepository), tx.get(QuotaPauses)
            revisions = credentials.revision(), pauses.revision()
            if revisions == (self._revision, self._pauses):
                return False
            if revisions[1] != self._pauses:
                self._paused.take_over(pauses.since(self._paused.oldest_us(_now_us())))
            if revisions[0] != self._revision:
                self._known = {credential.user: credential for credential in credentials.valid()}
                self._users = {credential.device_id: user for user, credential in self._known.items()}
                self._connectors = tx.get(MembershipRepository).connectors()
        self._revision, self._pauses = revisions
        return True

    def _owner_of(self, client_id: str) -> tuple[str, int] | None:
        """The login of a client id, and how many sessions it may keep so; None for what is ours."""
        if "/" in client_id:
            return "/".join(client_id.split("/")[:3]), MOST
        if user := self._users.get(client_id):
            return user, MOST
        return (self._given.get(client_id, client_id), 0) if _GIVEN.fullmatch(client_id) else None

    def _note_session(self, user: str, client_id: str) -> None:
        self._note(RefusalReason.SESSIONS, user, client_id, "")

    def _store(self, refused: list[LoginRefusal]) -> None:
        try:
            with self._registry.write() as tx:
                tx.get(LoginRefusals).note(refused)
        except RegistryUnavailable:
            self._noting.put_back(refused)
            raise

    async def _answer(self, message: Msg) -> None:
        try:
            request = AuthRequest.read(message.data)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            log.error("auth_callout_not_understood", reason=type(error).__name__)  # noqa: TRY400 - it may hold a password
            return
        self._waiting.put(request, message)

    async def _answer_in_turn(self) -> None:
        """One at a time; between two of them what has come is taken in, so that it gets its turn."""
        while True:
            request, message = await self._waiting.next_request()
            try:
                await message.respond(self._judged(request))
            except (Error, OSError) as error:
                log.warning("auth_callout_cannot_answer", reason=str(error) or type(error).__name__)
            await asyncio.sleep(0)

    def _judged(self, request: AuthRequest) -> bytes:
        given = _GIVEN.fullmatch(request.client_id) is not None and request.client_id not in self._users
        client_id = "" if given else request.client_id
        attempt = ConnectAttempt(request.user, client_id, request.password, _fingerprint(request.certificate))
        reason = judge_attempt(self._known, attempt) if request.mqtt else RefusalReason.UNKNOWN
        if reason is None and self._is_paused(request.user):
            reason = RefusalReason.PAUSED
        if reason is None and self._sessions.refuses(request.user, request.client_id, time.monotonic()):
            reason = RefusalReason.SESSIONS
        if given:
            _remember(self._given, request.client_id, request.user)
        if reason is not None:
            self._note(reason, request.user, request.client_id, request.address)
            return self._signer.refuse(request, reason.value)
        connector = request.user in self._connectors
        guest = _Guest(request.user, self._known[request.user].issued_us, connector)
        _remember(self._guests, (request.server, request.connection), guest)
        return self._signer.admit(request, DEVICES, *self._permissions(request.user, connector=connector))

    def _is_paused(self, user: str) -> bool:
        return self._paused.is_paused(user, _now_us())

    def _note(self, reason: RefusalReason, user: str, detail: str, address: str) -> None:
        if self._noting.note(reason, user, detail, address, _now_us()):
            log.warning("login_refused", user=user[:200], reason=reason.value, detail=detail[:200], address=address)

    def _note_violations(self) -> None:
        if self._violations is None:
            return
        by_number = {number: guest for (_server, number), guest in self._guests.items()}
        for seen in self._violations.violations():
            guest = by_number.get(seen.connection)
            if seen.broker_full:
                self._full_s = time.monotonic()
            self._note(seen.reason, guest.user if guest else seen.client_id, seen.subject, seen.address)

    async def _cut(self, system: Client) -> None:
        """End connections of devices whose credential is not the one they came in with."""
        offset, total = 0, 1
        while offset < total:
            wanted = {"auth": True, "limit": _PAGE, "offset": offset}
            page = await ask_server(system, "CONNZ", wanted)
            server, data = page["server"]["id"], page["data"]
            for connection in data["connections"]:
                if not self._may_stay(server, connection):
                    await kick(system, server, connection["cid"])
                    log.info("device_cut", user=connection.get("authorized_user", ""))
            offset, total = offset + _PAGE, data["total"]

    def _may_stay(self, server: str, connection: Mapping[str, Any]) -> bool:
        user = connection.get("authorized_user", "")
        if connection.get("type") != "mqtt" or "/" not in user:
            return True
        credential = self._known.get(user)
        if credential is None or self._is_paused(user):
            return False
        guest = self._guests.get((server, connection["cid"]))
        if guest is not None and guest.user == user:
            # Rights are given at the connect: who begins or ends to speak for others comes back with others.
            return (guest.issued_us, guest.connector) == (credential.issued_us, user in self._connectors)
        started_us = to_us(datetime.fromisoformat(connection["start"]))
        first_us, last_us = self._unanswered_us
        if first_us <= started_us <= last_us:
            return False
        return started_us > max(credential.issued_us, self._connectors.get(user, 0)) + _CLOCKS_US


def _now_us() -> int:
    return time.time_ns() // 1000


def _remember(known: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    known[key] = value
    if len(known) > _REMEMBERED:
        known.popitem(last=False)


def _fingerprint(pem: str | None) -> str | None:
    return None if not pem else CertificateFacts.of(pem).fingerprint
