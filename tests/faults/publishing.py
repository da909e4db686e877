"""A fleet that publishes at a steady rate, sends again what no broker confirmed, and knows what it sent."""

import json
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from zlib import crc32

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from devices.time_us import rfc3339
from tests.real_parts.brokers import Broker
from tests.real_parts.waiting import wait_until
from tests.system.installation import Installation

LONG: Final = os.environ.get("LAUTERN_TEST_LONG", "") not in {"", "0"}
"""Fault tests in their long form: hundreds of kills, 30 minutes of outage."""
_STEP_S: Final = 0.02


@dataclass(slots=True)
class Message:
    """One sample as it was sent; `power_w` follows from device and number, so that a mix-up shows."""

    seq: int
    ts: str
    power_w: float
    confirmed_at: float | None = None
    """When the broker's PUBACK came, monotonic seconds."""


@dataclass
class Fleet:
    """Lamps behind one MQTT connection; `sent` is what each of them said, in order."""

    broker: Broker
    rate: float
    lamps: int = 50
    note: str = ""
    voltage_every: int = 0
    """Each so-manieth message of a lamp names `voltage_v` too."""
    tenant_id: str = field(default_factory=lambda: f"t{secrets.token_hex(4)}")
    sent: dict[str, list[Message]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sent = {f"{self.tenant_id}-{n:03}": [] for n in range(self.lamps)}
        self._flying: dict[int, Message] = {}
        self._early: dict[int, float] = {}
        """Confirmed before `publish` returned, by packet id."""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._publish, name="fleet")
        client = Client(CallbackAPIVersion.VERSION2, self.tenant_id, clean_session=False, protocol=MQTTv311)
        client.username_pw_set(self.broker.device.user, self.broker.device.password)
        client.max_inflight_messages_set(2000)
        client.reconnect_delay_set(1, 1)
        client.on_publish = self._on_publish
        self._client = client
        self.confirmed = 0

    @property
    def number(self) -> int:
        """How many messages were made so far."""
        return sum(map(len, self.sent.values()))

    def start(self) -> None:
        """Begin to publish."""
        self._client.connect(self.broker.host, self.broker.port)
        self._client.loop_start()
        self._thread.start()

    def wait_for_more(self, number: float) -> None:
        """Return when so many more were made."""
        until = self.number + number
        wait_until(lambda: self.number > until, timeout_s=2 * number / self.rate + 20, what="more messages")

    def finish(self, timeout_s: float = 180) -> None:
        """Make no more and wait until the broker has confirmed all."""
        self._stop.set()
        self._thread.join()
        try:
            wait_until(lambda: self.confirmed >= self.number, timeout_s=timeout_s, what=f"{self.number} confirmed")
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def _on_publish(self, _client: Client, _data: object, mid: int, *_: Any) -> None:
        with self._lock:
            message = self._flying.pop(mid, None)
            if message is None:
                self._early[mid] = time.monotonic()
            else:
                message.confirmed_at = time.monotonic()
            self.confirmed += 1

    def _publish(self) -> None:
        began = time.monotonic()
        made = 0
        names = list(self.sent)
        while not self._stop.wait(_STEP_S):
            while made < self.rate * (time.monotonic() - began):
                self._one(names[made % len(names)])
                made += 1

    def _one(self, name: str) -> None:
        seq = len(self.sent[name])
        message = Message(seq, rfc3339(time.time_ns() // 1000), crc32(f"{name} {seq}".encode()) % 20_000 / 100)
        body = {
            "v": 1, "device_id": name, "ts": message.ts, "boot_id": "b1", "seq": seq, "level_pct": 40,
            "power_w": message.power_w,
        }  # fmt: skip
        if self.note:
            body["note"] = self.note
        if self.voltage_every and seq % self.voltage_every == 0:
            body["voltage_v"] = 230.0
        self.sent[name].append(message)
        info = self._client.publish(f"city/v1/{self.tenant_id}/streetlight/{name}/telemetry", json.dumps(body), 1)
        with self._lock:
            message.confirmed_at = self._early.pop(info.mid, None)
            if message.confirmed_at is None:
                self._flying[info.mid] = message


@contextmanager
def publishing(
    town: Installation, rate: float, lamps: int = 50, note: str = "", voltage_every: int = 0
) -> Iterator[Fleet]:
    """A registered fleet that publishes inside the block; at its end the broker has confirmed all."""
    fleet = Fleet(town.broker, rate, lamps, note, voltage_every)
    town.register(fleet.tenant_id, list(fleet.sent))
    fleet.start()
    try:
        yield fleet
    finally:
        fleet.finish()
