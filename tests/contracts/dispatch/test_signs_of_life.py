"""Devices subscribe with QoS 0: what they missed while they slept or the radio lost comes at their signs of life."""

import pytest

from devices.commands.command import DeliveryState
from devices.time_us import SECOND_US
from tests.contracts.dispatch.town import Town

S = SECOND_US


def test_sleeping_lamp_gets_it_when_it_wakes_though_the_broker_kept_nothing(town: Town) -> None:
    lamp = town.register(1)
    town.status("d1", "sleeping")
    command = town.ask(deliver_by_us=town.now_us + 400 * S)
    town.run(60)
    assert (town.get(command).delivery, len(town.published)) == (DeliveryState.SENT, 1), "once, as it may only doze"
    lamp.online = True
    town.sign("d1")
    town.run(1)
    assert (town.get(command).delivery, lamp.executed) == (DeliveryState.APPLIED, [command.wire_id])


def test_any_message_outweighs_a_status_that_says_offline(town: Town) -> None:
    lamp = town.register(1)
    town.status("d1", "offline")
    town.run(1)
    lamp.online = True
    command = town.ask()
    town.run(1)
    assert town.published == []
    town.sign("d1")
    town.run(1)
    assert town.get(command).delivery is DeliveryState.APPLIED


def test_lamp_awake_5_s_in_180_s_that_loses_a_tenth_gets_all_commands_once(town: Town) -> None:
    town.loss = 0.1
    lamp = town.register(1)
    town.status("d1", "sleeping")
    commands = []
    for _ in range(3):
        commands.append(town.ask(deliver_by_us=town.now_us + 400 * S))
        town.nap("d1", commands[-1])
    assert {town.get(c).delivery for c in commands} == {DeliveryState.APPLIED}
    assert lamp.executed == [c.wire_id for c in commands]
    assert len(town.published) <= 4 * len(commands)


def test_lamp_that_speaks_always_and_never_answers_is_not_stormed(town: Town) -> None:
    lamp = town.register(1, mute=True)
    command = town.ask(deliver_by_us=town.now_us + 60 * S)
    for _ in range(720):
        town.sign("d1")
        town.run(0.1)
    assert town.get(command).delivery is DeliveryState.UNKNOWN
    assert lamp.executed == [command.wire_id]
    assert 4 <= len(town.published) <= 8


def test_members_that_missed_a_group_command_get_it_alone_as_they_wake(town: Town) -> None:
    street = town.group(10)
    for number in (3, 4):
        town.status(f"d{number}", "sleeping")
    commands = town.ask_group(street, deliver_by_us=town.now_us + 300 * S)
    town.run(30)
    assert [topic for _, topic, _ in town.published] == ["city/v1/kl/group/g1/cmd/shine"]
    town.devices["d3"].online = True
    town.sign("d3")
    town.run(2)
    answered = {c.asset_id: c.delivery for c in town.members(commands[0].wire_id)}
    assert answered.pop("a4") is DeliveryState.SENT
    assert set(answered.values()) == {DeliveryState.APPLIED}
    assert [topic for _, topic, _ in town.published][1:] == ["city/v1/kl/toy/d3/cmd/shine"]


def test_group_is_not_repeated_while_its_members_may_still_answer(town: Town) -> None:
    town.ask_group(town.group(400))
    for _ in range(10):
        for number in range(1, 401):
            town.sign(f"d{number}")
        town.run(0.1)
    assert len(town.published) == 1


@pytest.mark.parametrize("state", ["sleeping", "offline"])
def test_after_a_restart_the_next_sign_of_life_does(town: Town, state: str) -> None:
    lamp = town.register(1)
    town.status("d1", state)
    command = town.ask(deliver_by_us=town.now_us + 300 * S)
    town.run(20)
    town.restart()
    town.run(20)
    lamp.online = True
    town.sign("d1")
    town.run(1)
    assert town.get(command).delivery is DeliveryState.APPLIED
