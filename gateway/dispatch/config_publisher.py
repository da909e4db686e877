"""Publishes desired configurations, retained, until the broker has the current version of each."""

from dataclasses import dataclass
from typing import Final

from devices import topics
from devices.commands.wire import encode_config
from devices.instants import SECOND_US
from devices.ports.configs import DesiredConfig, DesiredConfigs
from devices.ports.registry import Registry, Transaction
from gateway.dispatch.addressing import Address, addresses
from gateway.dispatch.publisher import Publisher

LOOK_EVERY_US: Final = SECOND_US
AGAIN_AFTER_US: Final = 10 * SECOND_US
AT_ONCE: Final = 200
QOS: Final = 1
RETAINED: Final = True


@dataclass(frozen=True, slots=True)
class _Sent:
    asset_id: str
    to: Address
    version: int
    at_us: int


class ConfigPublisher:
    """`step` is called every 100 ms from one thread; what is not confirmed is found again after a restart."""

    def __init__(self, registry: Registry, publisher: Publisher, *, root: str = topics.ROOT) -> None:
        self._registry = registry
        self._publisher = publisher
        self._root = root
        self._in_flight: dict[int, _Sent] = {}
        self._confirmed: list[_Sent] = []
        self._looked_us = 0

    def step(self, now_us: int) -> None:
        """Publish what is not, record what the broker has. Raises RegistryUnavailable: call again."""
        self._poll(now_us)
        if self._confirmed:
            with self._registry.write() as tx:
                self._mark(tx)
            self._confirmed.clear()
        if self._in_flight or not self._publisher.connected() or now_us - self._looked_us < LOOK_EVERY_US:
            return
        self._looked_us = now_us
        with self._registry.read() as tx:
            configs = tx.get(DesiredConfigs).unpublished(AT_ONCE)
            to = addresses(tx, {c.asset_id for c in configs}, self._root) if configs else {}
        for config in configs:
            if config.asset_id in to:
                self._publish(config, to[config.asset_id], now_us)
        if len(configs) == AT_ONCE:
            self._looked_us = 0

    def _poll(self, now_us: int) -> None:
        for token, sent in list(self._in_flight.items()):
            answer = self._publisher.acknowledged(token)
            if answer:
                self._confirmed.append(sent)
            if answer is not None or now_us - sent.at_us > AGAIN_AFTER_US:
                del self._in_flight[token]

    def _mark(self, tx: Transaction) -> None:
        """Record as published, unless the device or who speaks for it changed meanwhile: that one has not got it."""
        to = addresses(tx, {s.asset_id for s in self._confirmed}, self._root)
        for sent in self._confirmed:
            if to.get(sent.asset_id) == sent.to:
                tx.get(DesiredConfigs).mark_published(sent.asset_id, sent.version)

    def _publish(self, config: DesiredConfig, to: Address, now_us: int) -> None:
        token = self._publisher.publish(topics.config(to.base), encode_config(config), QOS, RETAINED)
        if token is not None:
            self._in_flight[token] = _Sent(config.asset_id, to, config.version, now_us)
