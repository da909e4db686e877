"""The only file that knows paho: one session, reconnecting, with acknowledgements bound to their connection."""

import ssl
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTMessageInfo, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from devices.samples import RawMessage
from gateway.mqtt.inbox import Arrival, Inbox

log = structlog.get_logger()
_ACKS_PER_LOCK = 200


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and who we are to it. `ca_file` set, or `tls`, means TLS with host name check."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: bool = False
    ca_file: str | None = None


class Connection:
    """A persistent session (MQTT 3.1.1, QoS 1, manual acknowledgement) with its own network thread."""

    def __init__(self, name: str, broker: Broker, client_id: str, filters: Sequence[str], inbox: Inbox) -> None:
        self.name = name
        self._broker = broker
        self._client_id = client_id
        self._filters = filters
        self._inbox = inbox
        self._lock = threading.RLock()
        self._epoch = 0
        self._stopping = False
        self._had_session = False
        self.subscribed = False
        self.sessions_lost = 0
        self.connects = 0
        self.stale_acks = 0
        self.last_arrival_us = 0
        self.last_connect_us = 0
        self._client, self._thread = self._open()

    def start(self) -> None:
        """Connect in the background; retries until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Disconnect and keep the session at the broker; bounded wait."""
        self._stopping = True
        self._client.disconnect()
        self._thread.join(5)

    @property
    def epoch(self) -> int:
        """Number of the present connection; rises with every reconnect."""
        return self._epoch

    def alive(self) -> bool:
        """False when the network thread died, which paho itself does not tell."""
        return self._thread.is_alive()

    def connected(self) -> bool:
        """True when the broker accepted us and all subscriptions, and the network thread lives."""
        return self.subscribed and self._thread.is_alive() and self._client.is_connected()

    def renew(self) -> None:
        """Reconnect with the same session, so that the broker sends again what was left unacknowledged."""
        log.warning("mqtt_renew", connection=self.name)
        self._bump()
        self._client.disconnect()
        self._thread.join(10)
        self._client, self._thread = self._open()
        self._thread.start()

    def publish(self, topic: str, payload: bytes, qos: int, *, retain: bool) -> MQTTMessageInfo | None:
        """Hand a message to the broker; None when not connected (then nothing is queued)."""
        if not self.connected():
            return None
        info = self._client.publish(topic, payload, qos, retain)
        return info if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def acknowledge(self, arrivals: Iterable[Arrival]) -> None:
        """Acknowledge in order of receipt those that came in on the present connection."""
        due = [a for a in arrivals if a.message.qos]
        for at in range(0, len(due), _ACKS_PER_LOCK):
            with self._lock:
                for epoch, mid, message in due[at : at + _ACKS_PER_LOCK]:
                    if epoch == self._epoch:
                        self._client.ack(mid, message.qos)
                    else:
                        self.stale_acks += 1

    def _open(self) -> tuple[Client, threading.Thread]:
        broker = self._broker
        client = Client(
            CallbackAPIVersion.VERSION2, self._client_id, clean_session=False, protocol=MQTTv311, manual_ack=True
        )
        client.username_pw_set(broker.username, broker.password)
        if broker.tls or broker.ca_file:
            client.tls_set_context(ssl.create_default_context(cafile=broker.ca_file))
        client.max_queued_messages_set(2000)
        client.max_inflight_messages_set(500)
        client.reconnect_delay_set(1, 15)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_pre_connect = self._on_pre_connect
        client.on_message = self._on_message
        client.connect_async(broker.host, broker.port, keepalive=30)
        thread = threading.Thread(
            target=client.loop_forever, kwargs={"retry_first_connection": True}, name=f"mqtt-{self.name}", daemon=True
        )
        return client, thread

    def _bump(self) -> None:
        with self._lock:
            self._epoch += 1
            self.subscribed = False

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
        if not self._stopping:
            log.warning("mqtt_disconnected", connection=self.name, reason=str(reason))

    def _on_connect(
        self, client: Client, _userdata: object, flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            log.error("mqtt_refused", connection=self.name, reason=str(reason))
            return
        if self._had_session and not flags.session_present:
            self.sessions_lost += 1
            log.error("mqtt_session_lost", connection=self.name)
        self._had_session = True
        self.connects += 1
        self.last_connect_us = time.time_ns() // 1000
        client.subscribe([(f, 1) for f in self._filters])

    def _on_subscribe(
        self, _client: Client, _userdata: object, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        refused = [f for f, reason in zip(self._filters, reasons, strict=False) if reason.is_failure]
        if refused:
            log.error("mqtt_subscription_refused", connection=self.name, filters=refused)
            return
        self.subscribed = True
        log.info("mqtt_ready", connection=self.name, filters=len(self._filters))

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        now_us = time.time_ns() // 1000
        try:
            topic = message.topic.encode()
        except UnicodeDecodeError:
            topic = b"\xff"
        self.last_arrival_us = now_us
        raw = RawMessage(topic, bytes(message.payload), message.qos, message.retain, message.dup, now_us)
        self._inbox.put(Arrival(self._epoch, message.mid, raw))
