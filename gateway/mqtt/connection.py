"""One session on paho, read by its owner, acknowledged on the connection it came in on."""

import os
import random
import select
import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTMessageInfo, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from devices.samples import RawMessage
from gateway.mqtt.batch_client import BatchClient
from gateway.mqtt.inbox import MessageInbox, ReceivedBatch

log = structlog.get_logger()
KEEPALIVE_S = 20
"""A broker that hangs is noticed after twice this time at most."""
_LONGEST_PAUSE_S = 15.0
_MESSAGES_A_TURN = 2000
_TURN_S = 0.02
_HEAR_OUT_S = 1.0
_ACKNOWLEDGED_BY = {1: b"\x40\x02", 2: b"\x70\x02"}
"""PUBACK, and PUBCOMP, by QoS."""
_QOS_OF = {head: qos for qos, head in _ACKNOWLEDGED_BY.items()}


@dataclass(frozen=True, slots=True)
class BrokerLogin:
    """Where the broker is and who we are to it. `ca_file` set, or `tls`, means TLS."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: bool = False
    ca_file: str | None = None
    pinned_file: str | None = None
    """Its certificate: with TLS this one is trusted, whatever its names."""
    client_files: tuple[str, str] | None = None
    """Our own certificate and key, where the broker asks for them."""


class MqttConnection:
    """A persistent session (MQTT 3.1.1, QoS 1, manual acknowledgement).

    `turn`, `acknowledge` and `close` belong to one thread; `publish` and `connected` may be called from any.
    paho's external-loop interface is used: reading, journal and acknowledging in one thread need no hand-over.
    With `reads_batches` PUBLISH and PUBACK are not paho's but `BatchClient`'s.
    """

    def __init__(
        self,
        name: str,
        broker: BrokerLogin,
        client_id: str,
        filters: Sequence[str],
        inbox: MessageInbox,
        *,
        reads_batches: bool = False,
    ) -> None:
        self.name = name
        self._broker = broker
        self._filters = filters
        self._inbox = inbox
        self._epoch = 0
        self._had_session = False
        self._subscribed = False
        self._try_at = 0.0
        self._pause_s = 0.5
        self._wake_reader, self._wake_writer = socket.socketpair()
        for end in (self._wake_reader, self._wake_writer):
            end.settimeout(0)
        self.refused = False
        """The broker answered, and did not let us in or subscribe."""
        self.sessions_lost = 0
        self.connects = 0
        self.stale_acks = 0
        self.last_arrival_us = 0
        self._client = self._open(client_id, reads_batches=reads_batches)

    @property
    def epoch(self) -> int:
        """Number of the present connection; rises with every end of one."""
        return self._epoch

    def connected(self) -> bool:
        """True when the broker accepted us and all subscriptions."""
        return self._subscribed and self._client.is_connected()

    def publish(self, topic: str, payload: bytes, qos: int, *, retain: bool) -> MQTTMessageInfo | None:
        """Hand a message to the broker; None when not connected (then nothing is queued)."""
        if not self.connected():
            return None
        info = self._client.publish(topic, payload, qos, retain)
        return info if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def turn(self, wait_s: float) -> None:
        """Wait up to `wait_s` for something to do; then read what is there into the inbox, and write what is due.

        With a full inbox the socket is left unread: the broker waits, or ends the connection and sends again.
        """
        link = self._client.socket()
        if link is None:
            self._reconnect(wait_s)
            return
        read = [self._wake_reader] if self._inbox.full() else [self._wake_reader, link]
        readable, writable, _ = select.select(read, [link] if self._client.want_write() else [], [], wait_s)
        if self._wake_reader in readable:
            self._wake_reader.recv(4096)
        if link in readable or _holds_more(link):
            self._read()
        if writable or self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()

    def acknowledge(self, batches: Iterable[ReceivedBatch]) -> None:
        """Acknowledge in order of receipt those that came in on the present connection."""
        due: list[bytes] = []
        for epoch, _, acknowledgements in batches:
            if epoch == self._epoch:
                due += acknowledgements
            else:
                self.stale_acks += sum(map(bool, acknowledgements))
        if isinstance(self._client, BatchClient):
            self._client.acknowledge(due)
        else:
            for packet in filter(None, due):
                self._client.ack(int.from_bytes(packet[2:]), _QOS_OF[packet[:2]])
        if self._client.want_write():
            self._client.loop_write()

    def close(self) -> None:
        """Disconnect and keep the session at the broker, which has heard all acknowledgements."""
        link = self._client.socket()
        still_open = None if link is None else socket.socket(fileno=os.dup(link.fileno()))
        self._client.disconnect()
        while self._client.socket() is not None and self._client.want_write():
            if self._client.loop_write() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
        if still_open is not None:
            _hear_out(still_open)
        self._wake_reader.close()
        self._wake_writer.close()

    def _read(self) -> None:
        """One call reads one packet, or what one receive gives: go on while messages come, for a bounded time."""
        until, inbox, loop_read = time.monotonic() + _TURN_S, self._inbox, self._client.loop_read
        for _ in range(_MESSAGES_A_TURN):
            before = inbox.received
            if loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS or inbox.received == before:
                return
            if inbox.full() or time.monotonic() > until:
                return

    def _reconnect(self, wait_s: float) -> None:
        now = time.monotonic()
        if now < self._try_at:
            time.sleep(min(wait_s, self._try_at - now))
            return
        try:
            self._client.connect(self._broker.host, self._broker.port, KEEPALIVE_S)
        except OSError as error:
            self.refused = False
            log.warning("mqtt_unreachable", connection=self.name, reason=str(error), again_s=round(self._pause_s, 1))
        self._back_off()

    def _back_off(self) -> None:
        self._try_at = time.monotonic() + self._pause_s * random.uniform(0.8, 1.2)  # noqa: S311 - spread, no secret
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)

    def _open(self, client_id: str, *, reads_batches: bool) -> Client:
        broker = self._broker
        client: Client
        if reads_batches:
            client = BatchClient(client_id, self._receive, self._report_violation)
        else:
            version = CallbackAPIVersion.VERSION2
            client = Client(version, client_id, clean_session=False, protocol=MQTTv311, manual_ack=True)
        client.username_pw_set(broker.username, broker.password)
        if broker.tls or broker.ca_file:
            client.tls_set_context(_tls(broker))
        client.max_queued_messages_set(2000)
        client.max_inflight_messages_set(500)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_pre_connect = self._on_pre_connect
        client.on_message = self._on_message
        client.on_socket_register_write = self._on_want_write
        return client

    def _bump(self) -> None:
        self._epoch += 1
        self._subscribed = False

    def _on_want_write(self, _client: Client, _userdata: object, _link: object) -> None:
        """Another thread published: end the wait of `turn`."""
        try:
            self._wake_writer.send(b"w")
        except BlockingIOError:
            return

    def _on_pre_connect(self, _client: Client, _userdata: object) -> None:
        self._bump()

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._bump()
        self._back_off()
        log.warning("mqtt_disconnected", connection=self.name, reason=str(reason))

    def _on_connect(
        self,
        client: Client,
        _userdata: object,
        flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self.refused = reason.is_failure
        if reason.is_failure:
            log.error("mqtt_refused", connection=self.name, reason=str(reason))
            return
        if self._had_session and not flags.session_present:
            self.sessions_lost += 1
            log.error("mqtt_session_lost", connection=self.name)
        self._had_session = True
        self.connects += 1
        client.subscribe([(f, 1) for f in self._filters])

    def _on_subscribe(
        self,
        _client: Client,
        _userdata: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        refused = [f for f, reason in zip(self._filters, reasons, strict=False) if reason.is_failure]
        self.refused = bool(refused)
        if refused:
            log.error("mqtt_subscription_refused", connection=self.name, filters=refused)
            return
        self._subscribed = True
        self._pause_s = 0.5
        log.info("mqtt_ready", connection=self.name, filters=len(self._filters))

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        now_us = time.time_ns() // 1000
        try:
            topic = message.topic.encode()
        except UnicodeDecodeError:
            topic = b"\xff"
        raw = RawMessage(topic, bytes(message.payload), message.qos, message.retain, message.dup, now_us)
        self._receive([raw], [_ACKNOWLEDGED_BY[message.qos] + message.mid.to_bytes(2) if message.qos else b""])

    def _receive(self, messages: list[RawMessage], acknowledgements: list[bytes]) -> None:
        self.last_arrival_us = messages[-1].received_us
        self._inbox.put(ReceivedBatch(self._epoch, messages, acknowledgements))

    def _report_violation(self, violation: str) -> None:
        log.error("mqtt_protocol_violation", connection=self.name, reason=violation)


def _tls(broker: BrokerLogin) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=broker.pinned_file or broker.ca_file)
    if broker.pinned_file:
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if broker.client_files:
        context.load_cert_chain(*broker.client_files)
    return context


def _hear_out(link: socket.socket) -> None:
    """Read until the broker closes: a connection closed with unread messages is reset, and acknowledgements with it."""
    until = time.monotonic() + _HEAR_OUT_S
    with link, suppress(OSError):
        link.settimeout(_HEAR_OUT_S)
        link.shutdown(socket.SHUT_WR)
        while link.recv(65_536) and time.monotonic() < until:
            pass


def _holds_more(link: object) -> bool:
    """TLS may hold decrypted bytes that `select` does not see."""
    return isinstance(link, ssl.SSLSocket) and link.pending() > 0
