"""Tells connectors, retained, for whom they no longer speak: else the member's last `config` would hold for ever."""

from typing import Final

from application.ports.memberships import ConnectorMembership, MembershipRepository
from application.ports.registry import Registry
from devices import topics
from devices.time_us import SECOND_US
from gateway.dispatch.mqtt_publisher import MqttPublisher

LOOK_EVERY_US: Final = SECOND_US
AGAIN_AFTER_US: Final = 10 * SECOND_US
AT_ONCE: Final = 200
REMOVED: Final = b'{"v": 1, "removed": true}'
"""Written over, not deleted: a deleted retained message may come back when the broker is killed."""


class MemberRelease:
    """`publish_due` is called every 100 ms from one thread; what is not confirmed is found again after a restart."""

    def __init__(self, registry: Registry, publisher: MqttPublisher, *, root: str = topics.ROOT) -> None:
        self._registry = registry
        self._publisher = publisher
        self._root = root
        self._in_flight: dict[int, tuple[ConnectorMembership, int]] = {}
        self._confirmed: list[ConnectorMembership] = []
        self._looked_us = 0

    def publish_due(self, now_us: int) -> None:
        """Publish what is not, record what the broker has. Raises RegistryUnavailable: call again."""
        for token, (ended, at_us) in list(self._in_flight.items()):
            answer = self._publisher.acknowledged(token)
            if answer:
                self._confirmed.append(ended)
            if answer is not None or now_us - at_us > AGAIN_AFTER_US:
                del self._in_flight[token]
        if self._confirmed:
            with self._registry.write() as tx:
                tx.get(MembershipRepository).mark_released(self._confirmed)
            self._confirmed.clear()
        if self._in_flight or not self._publisher.connected() or now_us - self._looked_us < LOOK_EVERY_US:
            return
        self._looked_us = now_us
        with self._registry.read() as tx:
            memberships = tx.get(MembershipRepository)
            waiting = memberships.unreleased(AT_ONCE)
            known = memberships.of_members({m.member_id for m in waiting}) if waiting else {}
        for ended in waiting:
            if any(m.until_us is None and m.connector_user == ended.connector_user for m in known[ended.member_id]):
                self._confirmed.append(ended)
            else:
                self._publish(ended, now_us)

    def _publish(self, ended: ConnectorMembership, now_us: int) -> None:
        connector = topics.device_base(ended.tenant_id, ended.connector_kind, ended.connector_id, self._root)
        topic = topics.config_topic(topics.member_base(connector, ended.member_kind, ended.member_id))
        token = self._publisher.publish(topic, REMOVED, 1, retain=True)
        if token is not None:
            self._in_flight[token] = ended, now_us
