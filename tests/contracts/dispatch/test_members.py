"""What is sent to devices that a connector speaks for goes to the connector, and follows when that changes."""

import json
from itertools import count
from typing import Any

from application.commands.command_filing import cancel_group, request_cancellation
from application.commands.desired_config import set_desired_config
from application.ports.changes import Change, ChangeFeed
from application.ports.inventory import AssetRepository
from application.ports.memberships import MOVED, ConnectorMembership, MembershipRepository
from devices.commands.command import DeliveryState
from devices.time_us import SECOND_US
from gateway.dispatch.config_publisher import ConfigPublisher
from gateway.dispatch.device_addresses import DeviceAddress, device_addresses
from gateway.dispatch.member_release import MemberRelease
from tests.contracts.dispatch.test_config_publisher import Broker
from tests.contracts.dispatch.town import Town
from tests.unit.devices.commands.toy import CATALOG, T0

BASE = "city/v1/kl/toy"


def below(connector: str, device: str) -> str:
    return f"{BASE}/{connector}/member/toy/{device}"


def behind(town: Town, connector: str, *members: str) -> None:
    """The connector speaks for these devices from now on."""
    with town.registry.write() as tx:
        tx.get(MembershipRepository).begin(
            [ConnectorMembership(m, "toy", connector, "toy", "kl", town.now_us) for m in members]
        )
        data = {"devices": [{"device_id": f"a{m[1:]}"} for m in members]}
        tx.get(ChangeFeed).add([Change(0, town.now_us, "kl", "toy", MOVED, data)])


def freed(town: Town, *members: str) -> None:
    with town.registry.write() as tx:
        tx.get(MembershipRepository).end(members, town.now_us)


def topics(town: Town) -> list[str]:
    return [topic for _, topic, _ in town.published]


def test_commands_and_cancellations_go_to_who_speaks_for_it(town: Town) -> None:
    town.register_many([1, 9])
    behind(town, "d9", "d1")
    command = town.ask()
    town.run(1)
    assert town.get(command).delivery is DeliveryState.APPLIED
    with town.registry.write() as tx:
        request_cancellation(tx, command.command_id, town.now_us)
    town.run(1)
    assert topics(town) == [f"{below('d9', 'd1')}/cmd/shine", f"{below('d9', 'd1')}/cmd/cancel"]


def test_a_command_that_waits_for_an_answer_follows_at_once(town: Town) -> None:
    device = town.register_many([1, 8, 9], mute=True)[0]
    behind(town, "d9", "d1")
    command = town.ask(deliver_by_us=town.now_us + 60 * SECOND_US)
    town.run(3)
    before = len(topics(town))
    behind(town, "d8", "d1")
    town.run(0.3)
    assert topics(town)[before:] == [f"{below('d8', 'd1')}/cmd/shine"]
    freed(town, "d1")
    device.mute = False
    town.run(33)
    assert topics(town)[-1] == f"{BASE}/d1/cmd/shine"
    assert town.get(command).delivery is DeliveryState.APPLIED


def test_of_a_group_members_get_it_each_and_the_others_at_once(town: Town) -> None:
    group = town.group(5)
    town.register(9)
    behind(town, "d9", "d1", "d2")
    first, *_ = town.ask_group(group)
    town.run(7)
    assert {c.delivery for c in town.members(first.wire_id)} == {DeliveryState.APPLIED}
    whole = "city/v1/kl/group/g1/cmd/shine"
    assert sorted(topics(town)) == [whole, *(f"{below('d9', d)}/cmd/shine" for d in ("d1", "d2"))]
    before = len(topics(town))
    with town.registry.write() as tx:
        cancel_group(tx, first.wire_id, town.now_us)
    town.run(1)
    ends = [f"{below('d9', d)}/cmd/cancel" for d in ("d1", "d2")]
    assert sorted(topics(town)[before:]) == ["city/v1/kl/group/g1/cmd/cancel", *ends]


def test_a_configuration_follows_and_the_connector_of_before_is_told(town: Town) -> None:
    town.register_many([1, 8, 9])
    broker, numbers = Broker(), count(0, SECOND_US // 10)
    publisher, releasing = ConfigPublisher(town.registry, broker), MemberRelease(town.registry, broker)

    def steps() -> None:
        for _ in range(40):
            now_us = T0 + next(numbers)
            publisher.publish_due(now_us)
            releasing.publish_due(now_us)

    with town.registry.write() as tx:
        asset = tx.get(AssetRepository).get("a1")
        set_desired_config(tx, CATALOG, asset=asset, body={}, expected_version=0, now_us=T0)
    steps()
    wanted: dict[str, Any] = {"v": 1, "version": 1}
    removed = {"v": 1, "removed": True}
    assert broker.retained == {f"{BASE}/d1/config": wanted}
    behind(town, "d9", "d1")
    steps()
    assert broker.retained[f"{below('d9', 'd1')}/config"] == wanted
    town.now_us += 1
    behind(town, "d8", "d1")
    steps()
    assert broker.retained[f"{below('d8', 'd1')}/config"] == wanted
    assert broker.retained[f"{below('d9', 'd1')}/config"] == removed
    sent = broker.published
    town.now_us += 1
    freed(town, "d1")
    town.now_us += 1
    behind(town, "d8", "d1")
    steps()
    assert broker.retained[f"{below('d8', 'd1')}/config"] == wanted, "it speaks for it again"
    assert broker.published == sent + 1
    with town.registry.read() as tx:
        assert tx.get(MembershipRepository).unreleased() == []


def test_a_release_that_the_broker_did_not_confirm_is_found_after_a_restart(town: Town) -> None:
    town.register_many([1, 9])
    behind(town, "d9", "d1")
    town.now_us += 1
    freed(town, "d1")
    broker = Broker(confirms=None)
    MemberRelease(town.registry, broker).publish_due(T0)
    broker.confirms = True
    again = MemberRelease(town.registry, broker)
    for second in range(3):
        again.publish_due(T0 + second * SECOND_US)
    assert broker.published == 2
    with town.registry.read() as tx:
        assert tx.get(MembershipRepository).unreleased() == []
    assert json.dumps(broker.retained) == json.dumps({f"{below('d9', 'd1')}/config": {"v": 1, "removed": True}})


def test_assets_without_a_device_have_no_address(town: Town) -> None:
    town.register_many([1, 2, 9])
    behind(town, "d9", "d1")
    with town.registry.read() as tx:
        found = device_addresses(tx, ["a1", "a2", "none"], "city/v1")
    assert found == {"a1": DeviceAddress(below("d9", "d1"), through_connector=True), "a2": DeviceAddress(f"{BASE}/d2")}
