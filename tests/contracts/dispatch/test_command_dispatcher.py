"""Commands from request to final state, on the real registry, with simulated devices and time."""

import pytest

from application.commands.command_filing import cancel_group, request_cancellation
from devices.commands.command import DeliveryState, EffectState
from devices.commands.device_contract import DeviceContract
from devices.time_us import SECOND_US
from tests.contracts.dispatch.town import Town

S = SECOND_US


def test_single_command_is_applied_within_a_second(town: Town) -> None:
    device = town.register(1)
    command = town.ask()
    town.run(1)
    done = town.get(command)
    assert (done.delivery, done.effect) == (DeliveryState.APPLIED, EffectState.IN_FORCE)
    assert device.executed == [command.wire_id]
    assert [topic for _, topic, _ in town.published] == ["city/v1/kl/toy/d1/cmd/shine"]
    assert [h["delivery"] for h in done.history if "delivery" in h] == ["queued", "sent", "applied"]


def test_request_filed_while_running_leaves_with_the_next_step(town: Town) -> None:
    town.register(1)
    town.run(3)
    command = town.ask()
    town.run(0.1)
    assert [body["command_id"] for _, _, body in town.published] == [command.wire_id]


def test_broker_confirmation_shows_as_sent_not_done(town: Town) -> None:
    town.register(1, mute=True)
    command = town.ask()
    town.run(1)
    assert town.get(command).delivery is DeliveryState.SENT


def test_offline_device_gets_it_when_it_returns(town: Town) -> None:
    device = town.register(1)
    town.status("d1", "offline")
    command = town.ask()
    town.run(5)
    assert (town.published, town.get(command).delivery) == ([], DeliveryState.QUEUED)
    town.status("d1", "online")
    town.run(1)
    assert town.get(command).delivery is DeliveryState.APPLIED
    assert device.executed == [command.wire_id]


def test_device_that_stays_offline_makes_it_undeliverable_and_nothing_is_sent(town: Town) -> None:
    device = town.register(1)
    town.status("d1", "offline")
    command = town.ask()
    town.run(12)
    assert (town.get(command).delivery, town.get(command).effect) == (DeliveryState.UNDELIVERABLE, EffectState.NONE)
    town.status("d1", "online")
    town.run(5)
    assert (town.published, device.executed) == ([], [])


def test_reboot_between_receipt_and_answer_is_answered_after_it(town: Town) -> None:
    device = town.register(1, mute=True)
    town.status("d1", "online")
    command = town.ask()
    town.run(0.3)
    assert device.executed == [command.wire_id]
    device.contract = DeviceContract(device.contract.answers())
    town.status("d1", "offline")
    town.run(0.5)
    device.mute = False
    town.status("d1", "online")
    town.run(1)
    assert town.get(command).delivery is DeliveryState.APPLIED
    assert device.executed == [command.wire_id], "a repeated id acts once"
    assert len(town.published) == 2


def test_late_answer_corrects_unknown(town: Town) -> None:
    town.register(1, delay_us=25 * S)
    command = town.ask()
    town.run(21)
    assert town.get(command).delivery is DeliveryState.UNKNOWN
    town.run(8)
    done = town.get(command)
    assert (done.delivery, done.effect) == (DeliveryState.APPLIED, EffectState.IN_FORCE)


def test_answer_given_twice_counts_once(town: Town) -> None:
    town.register(1, answers_twice=True)
    command = town.ask()
    town.run(3)
    assert [h.get("delivery") for h in town.get(command).history].count("applied") == 1


def test_no_answer_is_unknown_after_retries_with_the_same_id(town: Town) -> None:
    device = town.register(1, mute=True)
    command = town.ask()
    town.run(21)
    assert (town.get(command).delivery, town.get(command).answer) == (DeliveryState.UNKNOWN, "no answer")
    sent_s = [round((at - command.issued_us) / S) for at, _, _ in town.published]
    assert sent_s == [0, 2, 6]
    assert {body["command_id"] for _, _, body in town.published} == {command.wire_id}
    assert device.executed == [command.wire_id]


def test_broker_away_keeps_it_queued_then_sends_it(town: Town) -> None:
    town.register(1)
    town.connected_ = False
    command = town.ask()
    town.run(5)
    assert town.get(command).delivery is DeliveryState.QUEUED
    town.connected_ = True
    town.run(1)
    assert town.get(command).delivery is DeliveryState.APPLIED


def test_broker_away_for_too_long_expires_it_unsent(town: Town) -> None:
    device = town.register(1)
    town.connected_ = False
    command = town.ask()
    town.run(12)
    assert town.get(command).delivery is DeliveryState.EXPIRED
    town.connected_ = True
    town.run(5)
    assert device.executed == []


def test_publish_lost_with_its_connection_is_repeated_at_once(town: Town) -> None:
    town.register(1)
    town.loses_publishes = True
    command = town.ask()
    town.run(0.1)
    town.loses_publishes = False
    town.run(0.5)
    assert town.get(command).delivery is DeliveryState.APPLIED


def test_wrong_clock_is_named(town: Town) -> None:
    town.register(1, clock_us=7200 * S)
    command = town.ask()
    town.run(1)
    assert town.get(command).answer == "expired: the device's clock is 7200 s ahead"


def test_restart_of_the_gateway_goes_on_where_it_was(town: Town) -> None:
    silent, away = town.register(1, mute=True), town.register(2)
    town.status("d2", "offline")
    first, second = town.ask("a1"), town.ask("a2")
    town.run(1)
    town.restart()
    silent.mute = False
    town.status("d2", "online")
    town.run(3)
    assert {town.get(c).delivery for c in (first, second)} == {DeliveryState.APPLIED}
    assert (silent.executed, away.executed) == ([first.wire_id], [second.wire_id])


def test_newer_effect_supersedes_the_older(town: Town) -> None:
    town.register(1)
    older = town.ask(level_pct=40)
    town.run(1)
    newer = town.ask(level_pct=80)
    town.run(1)
    assert town.get(older).effect is EffectState.SUPERSEDED
    assert town.get(newer).effect is EffectState.IN_FORCE


def test_command_without_effect_ends_the_effect_it_replaces(town: Town) -> None:
    town.register(1)
    older = town.ask()
    town.run(1)
    town.ask(name="relax")
    town.run(1)
    assert town.get(older).effect is EffectState.SUPERSEDED


def test_offline_device_gets_only_the_newest_of_what_it_missed(town: Town) -> None:
    device = town.register(1)
    town.status("d1", "offline")
    older, newer = town.ask(level_pct=40), None
    town.run(1)
    newer = town.ask(level_pct=80)
    town.status("d1", "online")
    town.run(2)
    assert device.executed == [newer.wire_id]
    assert (town.get(older).delivery, town.get(older).effect) == (DeliveryState.CANCELLED, EffectState.SUPERSEDED)


def test_repetition_of_the_older_never_undoes_the_newer(town: Town) -> None:
    device = town.register(1, online=False)
    older = town.ask(level_pct=40)
    town.run(1)
    device.online = True
    newer = town.ask(level_pct=80)
    town.run(25)
    assert device.executed == [newer.wire_id]
    assert town.get(newer).delivery is DeliveryState.APPLIED
    assert (town.get(older).delivery, town.get(older).effect) == (DeliveryState.UNKNOWN, EffectState.SUPERSEDED)


def test_effect_ends_by_itself(town: Town) -> None:
    town.register(1)
    command = town.ask(until_us=town.now_us + 20 * S)
    town.run(21)
    assert town.get(command).effect is EffectState.IN_FORCE
    town.state("a1", None)
    town.run(0.2)
    assert (town.get(command).effect, town.get(command).history[-1]["reason"]) == (
        EffectState.ENDED,
        "confirmed by state",
    )


def test_effect_of_a_silent_device_ends_by_the_clock(town: Town) -> None:
    town.register(1)
    command = town.ask(until_us=town.now_us + 5 * S)
    town.run(16)
    assert town.get(command).effect is EffectState.ENDED


def test_cancelled_before_it_was_sent_never_leaves(town: Town) -> None:
    town.register(1)
    town.status("d1", "offline")
    command = town.ask()
    town.run(1)
    with town.registry.write() as tx:
        request_cancellation(tx, command.command_id, town.now_us)
    town.run(0.5)
    town.status("d1", "online")
    town.run(2)
    assert (town.get(command).delivery, town.get(command).effect) == (DeliveryState.CANCELLED, EffectState.CANCELLED)
    assert town.published == []


def test_cancelled_in_force_is_ended_by_the_device(town: Town) -> None:
    device = town.register(1)
    command = town.ask()
    town.run(1)
    with town.registry.write() as tx:
        request_cancellation(tx, command.command_id, town.now_us)
    town.run(1)
    assert (town.get(command).delivery, town.get(command).effect) == (DeliveryState.APPLIED, EffectState.CANCELLED)
    assert device.in_force is None
    assert town.published[-1][1:] == ("city/v1/kl/toy/d1/cmd/cancel", {"v": 1, "command_id": command.wire_id})


def test_cancellation_is_repeated_until_it_is_confirmed(town: Town) -> None:
    device = town.register(1)
    command = town.ask()
    town.run(1)
    device.online = False
    with town.registry.write() as tx:
        request_cancellation(tx, command.command_id, town.now_us)
    town.run(5)
    device.online = True
    town.run(10)
    assert town.get(command).effect is EffectState.CANCELLED


def test_start_at_is_sent_ahead_once_and_applied_then(town: Town) -> None:
    device = town.register(1, accepts_first=True)
    command = town.ask(start_us=town.now_us + 30 * S)
    town.run(2)
    assert (town.get(command).delivery, device.executed) == (DeliveryState.ACCEPTED, [])
    town.run(29)
    assert (town.get(command).delivery, town.get(command).effect) == (DeliveryState.APPLIED, EffectState.IN_FORCE)
    assert len(town.published) == 1


def test_group_is_one_publish(town: Town) -> None:
    commands = town.ask_group(town.group(10))
    town.run(2)
    assert {c.delivery for c in town.members(commands[0].wire_id)} == {DeliveryState.APPLIED}
    assert [topic for _, topic, _ in town.published] == ["city/v1/kl/group/g1/cmd/shine"]
    assert town.published[0][2]["ack_spread_s"] == pytest.approx(0.05)


def test_offline_member_of_a_group_is_undeliverable_the_others_applied(town: Town) -> None:
    street = town.group(10)
    town.status("d3", "offline")
    commands = town.ask_group(street)
    town.run(21)
    by_asset = {c.asset_id: c.delivery for c in town.members(commands[0].wire_id)}
    assert by_asset.pop("a3") is DeliveryState.UNDELIVERABLE
    assert set(by_asset.values()) == {DeliveryState.APPLIED}


def test_offline_member_of_a_group_gets_it_alone_when_it_returns(town: Town) -> None:
    street = town.group(10)
    town.status("d3", "offline")
    commands = town.ask_group(street)
    town.run(3)
    town.status("d3", "online")
    town.run(2)
    assert {c.delivery for c in town.members(commands[0].wire_id)} == {DeliveryState.APPLIED}
    assert [topic for _, topic, _ in town.published][1:] == ["city/v1/kl/toy/d3/cmd/shine"]


def test_group_is_cancelled_by_one_publish(town: Town) -> None:
    commands = town.ask_group(town.group(10))
    town.run(2)
    with town.registry.write() as tx:
        cancel_group(tx, commands[0].wire_id, town.now_us)
    town.run(2)
    assert {c.effect for c in town.members(commands[0].wire_id)} == {EffectState.CANCELLED}
    assert [topic for _, topic, _ in town.published][1:] == ["city/v1/kl/group/g1/cmd/cancel"]


def test_group_of_a_thousand_with_five_percent_loss_is_final_within_a_minute(town: Town) -> None:
    town.loss = 0.05
    commands = town.ask_group(town.group(1000))
    town.run(60)
    members = town.members(commands[0].wire_id)
    assert len(members) == 1000
    assert all(c.delivery.final for c in members)
    assert sum(c.delivery is DeliveryState.APPLIED for c in members) >= 998
    assert all(len(device.executed) <= 1 for device in town.devices.values())
    alone = [at for at, topic, _ in town.published if "/group/" not in topic]
    assert len(town.published) - len(alone) == 1
    assert 50 <= len(alone) <= 250
    assert all(sum(start <= at < start + S for at in alone) <= 61 for start in alone), "paced"
