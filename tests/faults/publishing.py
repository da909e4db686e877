"""A fleet that publishes at a steady rate, sends again what no broker confirmed, and knows what it sent."""

import json
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from devices.instants import rfc3339
from tests.real_parts.brokers import Broker
from tests.real_parts.waiting import wait_until
from tests.system.installation import Installation

LONG: Final = os.environ.get("LAUTERN_TEST_LONG", "") not in {"", "0"}
"""Fault tests in their long form: 30 kills, 10 minutes of outage."""
_STEP_S: Final = 0.02


@dataclass
class Fleet:
    """Lamps behind one MQTT connection; `sent` is (ts, seq) per lamp, in order."""

    broker: Broker
    rate: float
    lamps: int = 50
    note: str = ""
    tenant_id: str = field(default_factory=lambda: f"t{secrets.token_hex(4)}")
    sent: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    confirmed: int = 0

    def __post_init__(self) -> None:
        self.sent = {f"{self.tenant_id}-{n:03}": [] for n in range(self.lamps)}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._publish, name="fleet")
        client = Client(CallbackAPIVersion.VERSION2, self.tenant_id, clean_session=False, protocol=MQTTv311)
        client.username_pw_set(self.broker.device.user, self.broker.device.password)
        client.max_inflight_messages_set(2000)
        client.reconnect_delay_set(1, 1)
        client.on_publish = self._on_publish
        self._client = client

    @property
    def number(self) -> int:
        """How many messages were made so far."""
        return sum(map(len, self.sent.values()))

    def start(self) -> None:
        """Begin to publish."""
        self._client.connect(self.broker.host, self.broker.port)
        self._client.loop_start()
        self._thread.start()

    def finish(self, timeout_s: float = 30) -> None:
        """Make no more and wait until the broker has confirmed all."""
        self._stop.set()
        self._thread.join()
        try:
            wait_until(lambda: self.confirmed >= self.number, timeout_s=timeout_s, what=f"{self.number} confirmed")
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def _on_publish(self, *_: object) -> None:
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
        ts = rfc3339(time.time_ns() // 1000)
        body = {"v": 1, "device_id": name, "ts": ts, "boot_id": "b1", "seq": seq, "level_pct": 40, "power_w": seq % 200}
        if self.note:
            body["note"] = self.note
        self.sent[name].append((ts, seq))
        self._client.publish(f"city/v1/{self.tenant_id}/streetlight/{name}/telemetry", json.dumps(body), 1)


@contextmanager
def publishing(town: Installation, rate: float, lamps: int = 50, note: str = "") -> Iterator[Fleet]:
    """A registered fleet that publishes inside the block; at its end the broker has confirmed all."""
    fleet = Fleet(town.broker, rate, lamps, note)
    town.register(fleet.tenant_id, list(fleet.sent))
    fleet.start()
    try:
        yield fleet
    finally:
        fleet.finish()


def stored(town: Installation, fleet: Fleet, name: str) -> list[tuple[str, int]]:
    """What the API shows of a lamp, as `Fleet.sent` has it."""
    first = fleet.sent[name][0][0]
    rows = town.rest.items(f"/devices/{name}/telemetry", from_=first, limit=10_000, fields="power_w")
    return [(row["ts"], int(row["values"]["power_w"])) for row in rows]


def assert_each_stored_once(
    town: Installation, fleet: Fleet, timeout_s: float = 60, but_not_telemetry: int = 0
) -> dict[str, int]:
    """All that was sent is in the store, once, unaltered, and the ledger says the same; returns its line.

    `but_not_telemetry`: messages, such as acks, that others have sent.
    """
    messages = fleet.number + but_not_telemetry
    line = town.wait_ledger("streetlight", messages, timeout_s)
    for name, sent in fleet.sent.items():
        assert stored(town, fleet, name) == [(ts, seq % 200) for ts, seq in sent], name
    # A broker that comes back may publish the last will of a client it lost: one more message, no sample.
    assert line["stored"] >= messages, line
    assert (line["conflict"], line["dead_letter"]) == (0, 0), line
    assert line["received"] == messages + line["duplicate"]
    assert town.rest.ledger("streetlight", "samples")["stored"] == fleet.number
    assert all(x["balanced"] for x in town.rest.items("/ledger"))
    assert town.rest.items("/ledger/gaps") == []
    return line
