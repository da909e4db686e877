"""Desired configurations reach the broker, retained, and what a device runs is known."""

import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from application.commands.desired_config import set_desired_config
from application.ports.desired_configs import DesiredConfig, DesiredConfigs
from application.ports.inventory import Asset, AssetRepository, DeviceBinding
from application.ports.registry import Registry
from devices.errors import Invalid, VersionMismatch
from devices.messages import StateMessage
from devices.time_us import SECOND_US
from gateway.dispatch.command_progress import CommandProgress
from gateway.dispatch.config_publisher import ConfigPublisher
from gateway.dispatch.signs_of_life import LifeSignListener
from storage.registry.engine import SqlRegistry
from tests.unit.devices.commands.toy import CATALOG, T0

S = SECOND_US


@dataclass
class Broker:
    """Takes what is published; confirms it when told to."""

    connected_: bool = True
    confirms: bool | None = True
    retained: dict[str, dict[str, Any]] = field(default_factory=dict)
    published: int = 0
    numbers: "count[int]" = field(default_factory=count)

    def connected(self) -> bool:
        return self.connected_

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> int | None:  # noqa: FBT001 - the seam's order
        assert (self.connected_, qos, retain) == (True, 1, True)
        self.retained[topic] = json.loads(payload)
        self.published += 1
        return next(self.numbers)

    def acknowledged(self, token: int) -> bool | None:
        return self.confirms


@pytest.fixture
def lamp(registry: SqlRegistry) -> SqlRegistry:
    with registry.write() as tx:
        tx.get(AssetRepository).add(Asset("a1", "kl", "toy", "Toy", T0))
        tx.get(AssetRepository).bind(DeviceBinding("a1", "d1", "kl", "toy", T0))
    return registry


def want(registry: Registry, expected_version: int, body: dict[str, Any]) -> DesiredConfig:
    with registry.write() as tx:
        asset = tx.get(AssetRepository).get("a1")
        return set_desired_config(tx, CATALOG, asset=asset, body=body, expected_version=expected_version, now_us=T0)


def kept(registry: Registry) -> DesiredConfig:
    with registry.read() as tx:
        return tx.get(DesiredConfigs).get("a1")


def steps(publisher: ConfigPublisher, from_s: int, to_s: int) -> None:
    for tenth in range(from_s * 10, to_s * 10):
        publisher.publish_due(T0 + tenth * S // 10)


def test_published_once_and_again_when_changed(lamp: SqlRegistry) -> None:
    broker = Broker()
    publisher = ConfigPublisher(lamp, broker)
    want(lamp, 0, {"reporting_interval_s": 60})
    steps(publisher, 0, 5)
    topic = "city/v1/kl/toy/d1/config"
    assert broker.retained == {topic: {"v": 1, "version": 1, "reporting_interval_s": 60.0}}
    assert (broker.published, kept(lamp).published_version) == (1, 1)
    want(lamp, 1, {"reporting_interval_s": 10})
    steps(publisher, 5, 10)
    assert broker.retained[topic]["version"] == 2
    assert (broker.published, kept(lamp).published_version) == (2, 2)


def test_waits_for_the_broker_and_for_its_confirmation(lamp: SqlRegistry) -> None:
    broker = Broker(connected_=False, confirms=None)
    publisher = ConfigPublisher(lamp, broker)
    want(lamp, 0, {})
    steps(publisher, 0, 3)
    assert broker.published == 0
    broker.connected_ = True
    steps(publisher, 3, 6)
    assert (broker.published, kept(lamp).published_version) == (1, None)
    broker.confirms = False
    steps(publisher, 6, 7)
    broker.confirms = True
    steps(publisher, 7, 10)
    assert broker.published >= 2
    assert kept(lamp).published_version == 1


def test_unpublished_is_found_after_a_restart(lamp: SqlRegistry) -> None:
    broker = Broker(confirms=None)
    want(lamp, 0, {})
    steps(ConfigPublisher(lamp, broker), 0, 2)
    broker.confirms = True
    steps(ConfigPublisher(lamp, broker), 2, 4)
    assert (broker.published, kept(lamp).published_version) == (2, 1)


def test_replaced_controller_gets_it_too(lamp: SqlRegistry) -> None:
    broker = Broker()
    publisher = ConfigPublisher(lamp, broker)
    want(lamp, 0, {})
    steps(publisher, 0, 3)
    with lamp.write() as tx:
        tx.get(AssetRepository).bind(DeviceBinding("a1", "d2", "kl", "toy", T0 + S))
    steps(publisher, 3, 6)
    assert set(broker.retained) == {"city/v1/kl/toy/d1/config", "city/v1/kl/toy/d2/config"}


def test_controller_replaced_before_the_confirmation_gets_it_too(lamp: SqlRegistry) -> None:
    broker = Broker(confirms=None)
    publisher = ConfigPublisher(lamp, broker)
    want(lamp, 0, {})
    steps(publisher, 0, 2)
    with lamp.write() as tx:
        tx.get(AssetRepository).bind(DeviceBinding("a1", "d2", "kl", "toy", T0 + S))
    broker.confirms = True
    steps(publisher, 2, 6)
    assert "city/v1/kl/toy/d2/config" in broker.retained


def test_missed_is_published_again_at_signs_of_life_until_the_device_says_that_it_runs(lamp: SqlRegistry) -> None:
    broker, signs = Broker(), LifeSignListener()
    publisher = ConfigPublisher(lamp, broker, signs=signs)
    want(lamp, 0, {})
    steps(publisher, 0, 60)
    assert broker.published == 1, "nobody speaks, so nobody listens"
    for second in range(60, 660):
        signs.note({"a1": T0 + second * S})
        steps(publisher, second, second + 1)
    assert 6 <= broker.published <= 11, "after growing pauses"
    report(lamp, 1)
    before = broker.published
    for second in range(5000, 5200):
        signs.note({"a1": T0 + second * S})
        steps(publisher, second, second + 1)
    assert broker.published == before


def test_older_version_reported_after_a_reset_is_noticed(lamp: SqlRegistry) -> None:
    broker, signs = Broker(), LifeSignListener()
    publisher = ConfigPublisher(lamp, broker, signs=signs)
    want(lamp, 0, {})
    report(lamp, 1)
    steps(publisher, 0, 3)
    report(lamp, 0)
    for second in range(3, 120):
        signs.note({"a1": T0 + second * S})
        steps(publisher, second, second + 1)
    assert broker.published > 1


def report(registry: Registry, version: int) -> None:
    with registry.write() as tx:
        state = StateMessage(v=1, device_id="d1", boot_id="b", seq=version, config_version=version)
        CommandProgress(CATALOG).on_states(tx, [("a1", state, T0)])


def test_state_tells_which_version_runs(lamp: SqlRegistry) -> None:
    want(lamp, 0, {})
    with lamp.write() as tx:
        state = StateMessage(v=1, device_id="d1", boot_id="b", seq=1, config_version=1)
        assert CommandProgress(CATALOG).on_states(tx, [("a1", state, T0)]) == []
    assert kept(lamp).applied_version == 1


def test_impossible_configuration_is_refused_by_field(lamp: SqlRegistry) -> None:
    with pytest.raises(Invalid) as refused:
        want(lamp, 0, {"reporting_interval_s": -1})
    assert refused.value.field == "reporting_interval_s"
    with pytest.raises(VersionMismatch):
        want(lamp, 1, {})
