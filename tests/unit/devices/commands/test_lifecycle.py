"""The life of a command, step by step; random lives are in test_lifecycle_properties.py."""

import pytest

from devices.commands import lifecycle
from devices.commands.command import Command, DeliveryState, EffectState
from devices.messages import AckStatus
from devices.time_us import SECOND_US
from tests.unit.devices.commands.toy import T0, report, shine

S = SECOND_US
APPLIED, ACCEPTED, REJECTED, FAILED = AckStatus.APPLIED, AckStatus.ACCEPTED, AckStatus.REJECTED, AckStatus.FAILED


def ack(
    command: Command, status: AckStatus, at_us: int, reason: str | None = None, ts_us: int | None = None
) -> Command:
    return lifecycle.on_ack(command, status, reason, ts_us, at_us)


def sent(command: Command) -> Command:
    return lifecycle.mark_sent(lifecycle.count_attempt(command, T0 + 2 * S), T0)


def applied(number: int = 1) -> Command:
    return ack(sent(shine(number)), APPLIED, T0 + S, ts_us=T0 + S)


def late(command: Command, status: str = "online") -> Command:
    return lifecycle.on_clock(command, T0 + 70 * S, status)


def test_broker_confirmation_is_sent_and_never_done() -> None:
    command = sent(shine())
    assert (command.delivery, command.effect, command.sent_us) == (DeliveryState.SENT, EffectState.PENDING, T0)
    assert command.final_us is None


@pytest.mark.parametrize("status", [ACCEPTED, REJECTED, FAILED])
def test_whatever_was_answered_was_sent(status: AckStatus) -> None:
    command = ack(lifecycle.count_attempt(shine(), T0), status, T0 + 1)
    assert (command.sent_us, [h.get("delivery") for h in command.history][1]) == (T0 + 1, "sent")


def test_a_state_that_names_it_proves_that_it_was_sent() -> None:
    command = lifecycle.on_state(lifecycle.count_attempt(shine(), T0), "c1", T0 + 1, T0 + 1)
    assert (command.delivery, command.sent_us) == (DeliveryState.APPLIED, T0 + 1)


def test_answer_before_broker_confirmation_is_not_undone_by_it() -> None:
    command = ack(lifecycle.count_attempt(shine(), T0), APPLIED, T0 + 1)
    assert (command.delivery, command.sent_us, command.applied_us) == (DeliveryState.APPLIED, T0 + 1, T0 + 1)
    assert lifecycle.mark_sent(command, T0 + 2) is command


def test_accepted_then_applied_puts_the_effect_in_force() -> None:
    command = ack(ack(sent(shine()), ACCEPTED, T0 + S), APPLIED, T0 + 2 * S)
    assert (command.delivery, command.effect) == (DeliveryState.APPLIED, EffectState.IN_FORCE)
    assert (command.accepted_us, command.applied_us, command.final_us) == (T0 + S, T0 + 2 * S, T0 + 2 * S)


def test_state_that_names_the_command_applies_it() -> None:
    command = lifecycle.on_state(sent(shine()), "c1", T0 + S, T0 + S)
    assert (command.delivery, command.effect) == (DeliveryState.APPLIED, EffectState.IN_FORCE)


def test_state_that_names_another_changes_nothing() -> None:
    command = sent(shine())
    assert lifecycle.on_state(command, "c2", T0 + S, T0 + S) is command


def test_same_answer_twice_changes_nothing() -> None:
    for status in AckStatus:
        once = ack(sent(shine()), status, T0 + S, "why")
        assert ack(once, status, T0 + 3 * S, "why") is once


def test_progress_is_noted_once() -> None:
    command = ack(ack(sent(report()), ACCEPTED, T0 + 1), AckStatus.IN_PROGRESS, T0 + 2)
    assert command.delivery is DeliveryState.ACCEPTED
    assert [h.get("reason") for h in command.history[-2:]] == ["accepted", "in_progress"]
    assert ack(command, AckStatus.IN_PROGRESS, T0 + 3) is command


@pytest.mark.parametrize(("status", "delivery"), [(REJECTED, DeliveryState.REJECTED), (FAILED, DeliveryState.FAILED)])
def test_refusal_is_final_with_its_reason_and_without_effect(status: AckStatus, delivery: DeliveryState) -> None:
    command = ack(sent(shine()), status, T0 + S, "invalidLevel")
    assert (command.delivery, command.effect, command.answer) == (delivery, EffectState.NONE, "invalidLevel")
    assert ack(command, APPLIED, T0 + 2 * S) is command


def test_expired_in_time_names_the_wrong_clock() -> None:
    command = ack(sent(shine()), REJECTED, T0 + S, "expired", ts_us=T0 + 3601 * S)
    assert command.delivery is DeliveryState.REJECTED
    assert command.answer == "expired: the device's clock is 3600 s ahead"


def test_expired_after_deliver_by_is_expired() -> None:
    command = ack(sent(shine()), REJECTED, T0 + 11 * S, "expired", ts_us=T0 + 11 * S)
    assert (command.delivery, command.effect) == (DeliveryState.EXPIRED, EffectState.NONE)


def test_no_answer_is_unknown_and_the_effect_stays_pending() -> None:
    command = late(sent(shine()))
    assert (command.delivery, command.effect, command.answer) == (
        DeliveryState.UNKNOWN,
        EffectState.PENDING,
        "no answer",
    )


@pytest.mark.parametrize(
    ("status", "delivery"),
    [("online", DeliveryState.EXPIRED), ("unknown", DeliveryState.EXPIRED), ("offline", DeliveryState.UNDELIVERABLE)],
)
def test_what_never_left_us_is_expired_or_undeliverable(status: str, delivery: DeliveryState) -> None:
    command = late(shine(), status)
    assert (command.delivery, command.effect) == (delivery, EffectState.NONE)


def test_attempt_without_broker_confirmation_may_have_arrived() -> None:
    assert late(lifecycle.count_attempt(shine(), T0)).delivery is DeliveryState.UNKNOWN


def test_offline_member_that_missed_the_multicast_is_undeliverable_until_it_answers() -> None:
    command = late(lifecycle.count_attempt(shine(group_id="g"), T0), "offline")
    assert command.delivery is DeliveryState.UNDELIVERABLE
    assert ack(command, APPLIED, T0 + 80 * S).delivery is DeliveryState.APPLIED


def test_accepted_without_result_is_unknown() -> None:
    command = ack(sent(shine(start_us=T0 + 100 * S)), ACCEPTED, T0 + S)
    assert lifecycle.on_clock(command, T0 + 125 * S, "online") is command
    assert lifecycle.on_clock(command, T0 + 131 * S, "online").delivery is DeliveryState.UNKNOWN


@pytest.mark.parametrize(
    ("status", "delivery", "effect"),
    [
        (APPLIED, DeliveryState.APPLIED, EffectState.IN_FORCE),
        (REJECTED, DeliveryState.REJECTED, EffectState.PENDING),
        (FAILED, DeliveryState.FAILED, EffectState.PENDING),
    ],
)
def test_late_answer_corrects_unknown(status: AckStatus, delivery: DeliveryState, effect: EffectState) -> None:
    command = ack(late(sent(shine())), status, T0 + 100 * S)
    assert command.delivery is delivery
    assert command.effect is (effect if status is APPLIED else EffectState.NONE)


def test_late_accepted_is_noted_but_stays_unknown() -> None:
    command = ack(late(sent(shine())), ACCEPTED, T0 + 100 * S)
    assert (command.delivery, command.answer) == (DeliveryState.UNKNOWN, "accepted, but no result came")


def test_answer_after_the_end_does_not_bring_the_effect_back() -> None:
    command = lifecycle.on_clock(late(sent(shine())), T0 + 3700 * S, "online")
    assert command.effect is EffectState.ENDED
    command = ack(command, APPLIED, T0 + 3701 * S)
    assert (command.delivery, command.effect) == (DeliveryState.APPLIED, EffectState.ENDED)


def test_effect_ends_with_the_devices_word() -> None:
    command = lifecycle.on_state(applied(), None, T0 + 3600 * S, T0 + 3601 * S)
    assert (command.effect, command.history[-1]["reason"]) == (EffectState.ENDED, "confirmed by state")


def test_effect_ends_by_the_clock_with_a_note() -> None:
    assert lifecycle.on_clock(applied(), T0 + 3605 * S, "online").effect is EffectState.IN_FORCE
    command = lifecycle.on_clock(applied(), T0 + 3611 * S, "online")
    assert (command.effect, command.history[-1]["reason"]) == (
        EffectState.ENDED,
        "by the clock, not confirmed by the device",
    )


def test_state_older_than_the_answer_does_not_end_the_effect() -> None:
    named = lifecycle.on_state(applied(), "c1", T0 + 2 * S, T0 + 2 * S)
    assert lifecycle.on_state(named, None, T0 + 2 * S, T0 + 5 * S) is named


def test_device_that_no_longer_names_what_it_named_has_dropped_it() -> None:
    named = lifecycle.on_state(applied(), "c1", T0 + 2 * S, T0 + 2 * S)
    command = lifecycle.on_state(named, None, T0 + 9 * S, T0 + 9 * S)
    assert (command.effect, command.history[-1]["reason"]) == (EffectState.ENDED, "the device no longer names it")


def test_state_of_a_device_that_names_no_commands_ends_nothing_early() -> None:
    command = applied()
    assert lifecycle.on_state(command, None, T0 + 9 * S, T0 + 9 * S) is command


def test_superseded_before_it_was_sent_is_cancelled() -> None:
    command = lifecycle.mark_superseded(shine(), "c2", T0 + S)
    assert (command.delivery, command.effect, command.final_us) == (
        DeliveryState.CANCELLED,
        EffectState.SUPERSEDED,
        T0 + S,
    )


def test_superseded_while_under_way_is_not_sent_again() -> None:
    command = lifecycle.mark_superseded(sent(shine()), "c2", T0 + S)
    assert (command.delivery, command.effect, command.next_attempt_us) == (
        DeliveryState.SENT,
        EffectState.SUPERSEDED,
        None,
    )


def test_cancelled_before_it_was_sent() -> None:
    command = lifecycle.on_clock(shine(cancel_requested_us=T0 + S), T0 + S, "online")
    assert (command.delivery, command.effect) == (DeliveryState.CANCELLED, EffectState.CANCELLED)


def test_device_confirms_the_cancellation_of_an_effect() -> None:
    command = ack(applied(), APPLIED, T0 + 9 * S, "cancelled")
    assert (command.delivery, command.effect) == (DeliveryState.APPLIED, EffectState.CANCELLED)


def test_device_confirms_that_a_command_will_never_be_applied() -> None:
    command = ack(sent(shine()), REJECTED, T0 + 9 * S, "cancelled")
    assert (command.delivery, command.effect) == (DeliveryState.CANCELLED, EffectState.CANCELLED)


def test_cancellation_confirmed_by_state() -> None:
    command = lifecycle.on_state(applied(), None, T0 + 9 * S, T0 + 9 * S)
    assert command.effect is EffectState.IN_FORCE
    asked = shine(cancel_requested_us=T0 + 5 * S)
    asked = ack(sent(asked), APPLIED, T0 + S, ts_us=T0 + S)
    assert lifecycle.on_state(asked, None, T0 + 9 * S, T0 + 9 * S).effect is EffectState.CANCELLED


def test_settled_is_what_neither_time_nor_sending_can_change() -> None:
    assert not lifecycle.is_settled(applied())
    assert lifecycle.deadline_us(applied()) == T0 + 3610 * S
    done = ack(sent(report()), APPLIED, T0 + S)
    assert lifecycle.is_settled(done)
    assert lifecycle.deadline_us(done) is None
