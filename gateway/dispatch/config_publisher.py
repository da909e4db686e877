"""Publishes desired configurations, retained, until the broker has the current version and the device says it runs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from application.ports.desired_configs import DesiredConfig, DesiredConfigs
from application.ports.registry import Registry, RegistryTransaction
from devices import topics
from devices.commands.wire import encode_config
from devices.time_us import HOUR_US, MINUTE_US, SECOND_US
from gateway.dispatch.device_addresses import DeviceAddress, device_addresses
from gateway.dispatch.mqtt_publisher import MqttPublisher
from gateway.dispatch.signs_of_life import LifeSignListener

LOOK_EVERY_US: Final = SECOND_US
AGAIN_AFTER_US: Final = 10 * SECOND_US
AT_ONCE: Final = 200
QOS: Final = 1
RETAINED: Final = True
FIRST_US: Final = 2 * SECOND_US
LONGEST_US: Final = HOUR_US
ASKED_EVERY_US: Final = MINUTE_US
"""So often it is looked up whether a device that speaks runs what it shall."""
MOST_ASKED: Final = 1000
"""A look: the others are looked up at the next."""


@dataclass(frozen=True, slots=True)
class _Sent:
    asset_id: str
    to: DeviceAddress
    version: int
    at_us: int


@dataclass(frozen=True, slots=True)
class _Missed:
    """A version that the device does not say it runs, how often it was sent again, and when next at the earliest."""

    version: int
    tries: int
    next_us: int


class ConfigPublisher:
    """`publish_due` is called every 100 ms from one thread; what is not confirmed is found again after a restart.

    A device subscribes with QoS 0: what it missed is published again at its signs of life, after growing pauses.
    """

    def __init__(
        self,
        registry: Registry,
        publisher: MqttPublisher,
        *,
        root: str = topics.ROOT,
        signs: LifeSignListener | None = None,
    ) -> None:
        self._registry = registry
        self._publisher = publisher
        self._root = root
        self._signs = signs or LifeSignListener()
        self._in_flight: dict[int, _Sent] = {}
        self._confirmed: list[_Sent] = []
        self._looked_us = 0
        self._heard: dict[str, int] = {}
        self._asked: dict[str, int] = {}
        """When assets whose device runs what it shall are looked up next."""
        self._missed: dict[str, _Missed] = {}

    def publish_due(self, now_us: int) -> None:
        """Publish what is not, record what the broker has. Raises RegistryUnavailable: call again."""
        self._poll(now_us)
        if self._confirmed:
            with self._registry.write() as tx:
                self._mark(tx)
            self._confirmed.clear()
        self._note_signs(now_us)
        if self._in_flight or not self._publisher.connected() or now_us - self._looked_us < LOOK_EVERY_US:
            return
        self._looked_us = now_us
        asked = sorted(self._heard, key=lambda asset_id: self._heard[asset_id])[:MOST_ASKED]
        with self._registry.read() as tx:
            configs = list(tx.get(DesiredConfigs).unpublished(AT_ONCE))
            missed = list(tx.get(DesiredConfigs).unapplied(asked)) if asked else []
            wanted = configs + self._to_repeat(asked, missed, now_us)
            to = device_addresses(tx, {c.asset_id for c in wanted}, self._root) if wanted else {}
        for config in wanted:
            if config.asset_id in to:
                self._publish(config, to[config.asset_id], now_us)
        if len(configs) == AT_ONCE:
            self._looked_us = 0

    def _note_signs(self, now_us: int) -> None:
        """Remember who was heard and is to be looked up, or published to, by now."""
        for asset_id, at_us in self._signs.drain().items():
            missed = self._missed.get(asset_id)
            due_us = self._asked.get(asset_id, 0) if missed is None else missed.next_us
            if due_us <= now_us:
                self._heard[asset_id] = at_us

    def _to_repeat(self, asked: Iterable[str], missed: Iterable[DesiredConfig], now_us: int) -> list[DesiredConfig]:
        """What goes out again of what these devices do not run; who runs what he shall is left alone for a while."""
        behind = {config.asset_id: config for config in missed}
        chosen = list(behind.values())[:AT_ONCE]
        put_off = behind.keys() - {config.asset_id for config in chosen}
        for asset_id in asked:
            if asset_id not in put_off:
                self._heard.pop(asset_id, None)
            if asset_id not in behind:
                self._missed.pop(asset_id, None)
                self._asked[asset_id] = now_us + ASKED_EVERY_US
        return chosen

    def _poll(self, now_us: int) -> None:
        for token, sent in list(self._in_flight.items()):
            answer = self._publisher.acknowledged(token)
            if answer:
                self._confirmed.append(sent)
            if answer is not None or now_us - sent.at_us > AGAIN_AFTER_US:
                del self._in_flight[token]

    def _mark(self, tx: RegistryTransaction) -> None:
        """Record as published, unless the device or who speaks for it changed meanwhile: that one has not got it."""
        to = device_addresses(tx, {s.asset_id for s in self._confirmed}, self._root)
        for sent in self._confirmed:
            if to.get(sent.asset_id) == sent.to:
                tx.get(DesiredConfigs).mark_published(sent.asset_id, sent.version)

    def _publish(self, config: DesiredConfig, to: DeviceAddress, now_us: int) -> None:
        token = self._publisher.publish(
            topics.config_topic(to.base), encode_config(config.body, config.version), QOS, RETAINED
        )
        if token is not None:
            self._in_flight[token] = _Sent(config.asset_id, to, config.version, now_us)
            before = self._missed.get(config.asset_id)
            tries = before.tries + 1 if before is not None and before.version == config.version else 0
            next_us = now_us + min(FIRST_US << min(tries, 12), LONGEST_US)
            self._missed[config.asset_id] = _Missed(config.version, tries, next_us)
