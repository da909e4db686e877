"""A numbered message to itself each 10 s: its way through broker, journal, effects and store is measured."""

import json
import time
import uuid

from application.health.faults import SystemFault, fault_of
from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from application.ports.registry import Registry
from application.ports.telemetry import TelemetryReader
from devices import topics
from devices.canary import DEVICE_ID, KIND, TENANT_ID
from devices.errors import NotFound, StoreUnavailable
from devices.samples import SeriesKey
from devices.time_us import SECOND_US, rfc3339
from devices.topics import UplinkTopic
from gateway.mqtt.downlink_publisher import DownlinkPublisher

PERIOD_US = 10 * SECOND_US
LOST_US = 35 * SECOND_US
"""Three beats missed."""
_KEY = SeriesKey(DEVICE_ID, KIND.name)


class Canary:
    """Stepped by one thread. `last_seen_us` is when the newest beat was published that came the whole way."""

    def __init__(self, registry: Registry, reader: TelemetryReader, publisher: DownlinkPublisher, root: str) -> None:
        self._reader = reader
        self._publisher = publisher
        self._topic = topics.uplink_topic(UplinkTopic(TENANT_ID, KIND.name, DEVICE_ID, "telemetry"), root)
        self._boot_id = uuid.uuid4().hex[:12]
        self._number = 0
        self._published_us = 0
        self._seen_us = self._began_us = time.time_ns() // 1000
        self.last_seen_us: int | None = None
        self.unread: SystemFault | None = None
        """Why the store cannot be read, while it cannot."""
        self.latency_s: float | None = None
        _register(registry)

    def age_s(self, now_us: int) -> float:
        """How old the newest beat is that came through, or we are when none did, seconds."""
        return (now_us - (self.last_seen_us or self._began_us)) / SECOND_US

    def publish_and_check(self) -> bool:
        """Publish when due, look for the newest beat in the store; tells whether one is still on its way."""
        now_us = time.time_ns() // 1000
        if now_us - self._published_us >= PERIOD_US:
            self._publish(now_us)
        if self._seen_us < self._published_us:
            self._look(now_us)
        return self._seen_us < self._published_us

    def _publish(self, now_us: int) -> None:
        beat = {
            "v": 1,
            "device_id": DEVICE_ID,
            "ts": rfc3339(now_us),
            "boot_id": self._boot_id,
            "seq": self._number,
            "number": self._number + 1,
        }
        if self._publisher.publish(self._topic, json.dumps(beat).encode(), 1, retain=False) is not None:
            self._number += 1
            self._published_us = now_us

    def _look(self, now_us: int) -> None:
        """Beats that are older than the newest count too: a way that takes longer than a period is slow, not broken."""
        try:
            found = self._reader.rows(_KEY, self._seen_us + 1, now_us + 1, limit=1, newest_first=True)
            newest = next(iter(found), None)
        except StoreUnavailable as error:
            self.unread = fault_of(error)
            return
        self.unread = None
        if newest is not None:
            self._seen_us = self.last_seen_us = newest.ts_us
            self.latency_s = (time.time_ns() // 1000 - newest.ts_us) / SECOND_US


def _register(registry: Registry) -> None:
    with registry.write() as tx:
        inventory = tx.get(AssetRepository)
        try:
            inventory.get(DEVICE_ID)
        except NotFound:
            inventory.add(Asset(DEVICE_ID, TENANT_ID, KIND.name, "Lautern canary", time.time_ns() // 1000))
            inventory.bind(DeviceBinding(DEVICE_ID, DEVICE_ID, TENANT_ID, KIND.name, 0))
