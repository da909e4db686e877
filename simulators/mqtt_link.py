"""A connection to the broker on paho's public API: MQTT 3.1.1, out with QoS 1 and a bounded window, in with QoS 0."""

import logging
import socket
import ssl
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from simulators.envelope_sender import WireMessage
from simulators.options import BrokerAddress

WINDOW: Final = 1000
"""Messages sent and not yet confirmed."""
KEEPALIVE_S: Final = 30
RECONNECT_S: Final = (1, 30)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LinkConnected:
    """A link has come up; everything it subscribes to is asked for."""

    link: int


@dataclass(frozen=True, slots=True)
class LinkReceived:
    """A message came down."""

    link: int
    topic: str
    payload: bytes
    retained: bool


Inbox = SimpleQueue[LinkConnected | LinkReceived]


class MqttLink:
    """Publishing and `confirmed` belong to one thread; what comes in goes to the inbox."""

    def __init__(
        self,
        *,
        number: int,
        address: BrokerAddress,
        client_id: str,
        filters: Sequence[str],
        inbox: Inbox,
        will: WireMessage | None = None,
        window: int = WINDOW,
    ) -> None:
        self._number, self._address = number, address
        self._filters, self._inbox, self._window = filters, inbox, window
        self._confirmed: deque[int] = deque()
        self._room = threading.Event()
        self._up = threading.Event()
        self._in_flight = 0
        self._client = self._build(client_id)
        if will is not None:
            self.set_will(will)

    def start(self) -> None:
        """Begin to connect, and keep trying; returns at once."""
        self._client.connect_async(self._address.host, self._address.port, KEEPALIVE_S)
        self._client.loop_start()

    def stop(self) -> None:
        """Say goodbye (the will is not published) and end the thread."""
        self._client.disconnect()
        self._client.loop_stop()

    def set_will(self, will: WireMessage) -> None:
        """What the broker publishes when the connection breaks; holds from the next connect on."""
        self._client.will_set(will.topic, will.payload, qos=1, retain=will.retained)

    @property
    def connected(self) -> bool:
        """The broker has accepted us, and nobody has said otherwise since."""
        return self._up.is_set()

    @property
    def in_flight(self) -> int:
        """Messages sent and not yet taken from `confirmed`."""
        return self._in_flight

    def wait_connected(self, timeout_s: float) -> bool:
        """Wait for the connection."""
        return self._up.wait(timeout_s)

    def publish(self, wire: WireMessage) -> int | None:
        """Send at QoS 1 and return the number that `confirmed` will name; waits for room in the window.

        None when the connection is down: nothing was sent.
        """
        while self._in_flight - len(self._confirmed) >= self._window:
            self._room.clear()
            if not self.connected:
                return None
            if self._in_flight - len(self._confirmed) >= self._window:
                self._room.wait(0.1)
        if not self.connected:
            return None
        sent = self._client.publish(wire.topic, wire.payload, qos=1, retain=wire.retained)
        self._in_flight += 1
        return sent.mid

    def confirmed(self) -> list[int]:
        """Numbers that the broker confirmed since the last call."""
        numbers = [self._confirmed.popleft() for _ in range(len(self._confirmed))]
        self._in_flight -= len(numbers)
        return numbers

    def break_for(self, seconds: float) -> None:
        """Cut the connection without farewell, so that the will is published; paho comes back after `seconds`."""
        wire = self._client.socket()
        if isinstance(wire, socket.socket):
            whole = max(1, round(seconds))
            self._client.reconnect_delay_set(whole, whole)
            wire.shutdown(socket.SHUT_RDWR)

    def _build(self, client_id: str) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv311)
        # Our own window bounds it: paho would search all unconfirmed messages at each confirmation.
        client.max_inflight_messages_set(0)
        client.reconnect_delay_set(*RECONNECT_S)
        if self._address.user is not None:
            client.username_pw_set(self._address.user, self._address.password)
        if self._address.tls:
            client.tls_set_context(ssl.create_default_context())
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        return client

    def _on_connect(self, client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _p: object) -> None:
        if reason.is_failure:
            logger.warning("broker refuses: %s", reason)
            return
        client.reconnect_delay_set(*RECONNECT_S)
        if self._filters:
            client.subscribe([(f, 0) for f in self._filters])
        self._up.set()
        self._inbox.put(LinkConnected(self._number))

    def _on_disconnect(self, _c: mqtt.Client, _data: object, _flags: object, _reason: ReasonCode, _p: object) -> None:
        self._up.clear()
        self._room.set()

    def _on_subscribe(self, _c: mqtt.Client, _data: object, _m: int, reasons: Sequence[ReasonCode], _p: object) -> None:
        if any(reason.is_failure for reason in reasons):
            logger.warning("broker refuses a subscription: no commands will come")

    def _on_publish(self, _c: mqtt.Client, _data: object, mid: int, _reason: object, _p: object) -> None:
        self._confirmed.append(mid)
        self._room.set()

    def _on_message(self, _c: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        self._inbox.put(LinkReceived(self._number, topic, bytes(message.payload), message.retain))
