"""When a command goes out, and as what."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.commands import lifecycle
from devices.commands.command import Command, DeliveryState
from devices.time_us import SECOND_US
from gateway.dispatch import send_plan
from gateway.dispatch.cancellations import CancellationSender
from gateway.dispatch.device_addresses import DeviceAddress
from gateway.dispatch.send_rate import SendRate
from tests.unit.devices.commands.toy import T0, shine

S = SECOND_US
ROOT = "city/v1"


def at(device_id: str, connector: str = "") -> DeviceAddress:
    through = f"{connector}/member/toy/" if connector else ""
    return DeviceAddress(f"city/v1/kl/toy/{through}{device_id}", through_connector=bool(connector))


def members(size: int, **changes: object) -> list[Command]:
    return [shine(n, wire_id="w", group_id="g", asset_id=f"a{n}", issued_us=T0, **changes) for n in range(size)]


@pytest.mark.parametrize(
    ("status", "attempts", "wanted"),
    [
        ("online", 0, True),
        ("unknown", 0, True),
        ("sleeping", 0, True),
        ("offline", 0, False),
        ("removed", 0, False),
        ("online", 1, True),
        ("sleeping", 1, False),
        ("offline", 1, False),
    ],
)
def test_devices_known_offline_are_waited_for_sleeping_ones_get_it_once(
    status: str,
    attempts: int,
    wanted: bool,  # noqa: FBT001 - a column of the table
) -> None:
    command = shine(attempts=attempts, next_attempt_us=T0 + 2 * S if attempts else None)
    assert send_plan.wants_sending(command, status, T0 + 2 * S) is wanted


def test_nothing_is_sent_after_its_deadline_or_once_it_is_cancelled_or_answered() -> None:
    assert not send_plan.wants_sending(shine(), "online", T0 + 10 * S + 1)
    assert not send_plan.wants_sending(shine(cancel_requested_us=T0), "online", T0)
    assert not send_plan.wants_sending(shine(attempts=1, delivery=DeliveryState.ACCEPTED), "online", T0 + 5 * S)
    assert not send_plan.wants_sending(shine(delivery=DeliveryState.APPLIED), "online", T0, again=True)


def test_retries_double_up_to_a_bound() -> None:
    assert [send_plan.retry_us(n, 0) // S for n in (1, 2, 3, 4, 5, 6, 60)] == [2, 4, 8, 16, 32, 32, 32]


def test_group_goes_out_once_then_members_alone() -> None:
    fresh = members(3)
    many, single = send_plan.split_multicasts([*fresh, shine(9)])
    assert ([len(g) for g in many], [c.command_id for c in single]) == ([3], ["c9"])
    tried = [lifecycle.count_attempt(c, T0) for c in fresh]
    many, single = send_plan.split_multicasts(tried)
    assert (many, len(single)) == ([], 3)


def test_group_message_gives_members_time_to_answer() -> None:
    message = send_plan.to_group(members(1000), T0, ROOT)
    assert message.topic == "city/v1/kl/group/g/cmd/shine"
    assert json.loads(message.payload)["ack_spread_s"] == 5.0
    assert message.next_us == T0 + 6 * S


def test_older_commands_leave_first() -> None:
    _, single = send_plan.split_multicasts([shine(3, issued_us=30), shine(1, issued_us=10), shine(2, issued_us=20)])
    assert [c.command_id for c in single] == ["c1", "c2", "c3"]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3 * S)), max_size=60))
def test_pace_never_exceeds_its_rate(calls: list[tuple[int, int]]) -> None:
    pace, now_us, gone = SendRate(50), T0, 0
    for wanted, wait_us in calls:
        now_us += wait_us
        allowed = pace.allow(wanted, now_us)
        assert 0 <= allowed <= min(wanted, 10)
        gone += allowed
    assert gone <= 10 + (now_us - T0) / S * 50 + 1e-6


def test_pace_lets_all_through_in_the_end() -> None:
    pace, left, tenths = SendRate(50), 100, 0
    while left and tenths < 100:
        left -= pace.allow(left, T0 + tenths * S // 10)
        tenths += 1
    assert left == 0
    assert 17 <= tenths <= 20


def test_whole_group_is_cancelled_by_one_message_then_one_by_one() -> None:
    cancelling = CancellationSender(ROOT)
    wanted = members(3, cancel_requested_us=T0, attempts=1, delivery=DeliveryState.SENT)
    devices = {c.asset_id: at(f"d{c.asset_id}") for c in wanted}
    sent = cancelling.messages(cancelling.due(wanted, T0), wanted, devices, T0)
    assert [topic for topic, _ in sent] == ["city/v1/kl/group/g/cmd/cancel"]
    assert cancelling.due(wanted, T0 + S) == []
    sent = cancelling.messages(cancelling.due(wanted, T0 + 2 * S), wanted, devices, T0 + 2 * S)
    assert len(sent) == 3


def test_part_of_a_group_is_cancelled_alone() -> None:
    cancelling = CancellationSender(ROOT)
    wanted = members(2, cancel_requested_us=T0, attempts=1, delivery=DeliveryState.SENT)
    kept = shine(9, wire_id="w", group_id="g", asset_id="a9", attempts=1, delivery=DeliveryState.SENT)
    devices = {"a0": at("d0"), "a1": at("d1")}
    sent = cancelling.messages(cancelling.due(wanted, T0), [*wanted, kept], devices, T0)
    assert [topic for topic, _ in sent] == ["city/v1/kl/toy/d0/cmd/cancel", "city/v1/kl/toy/d1/cmd/cancel"]


def test_cancellation_does_not_wait_for_a_device_that_came_back() -> None:
    cancelling = CancellationSender(ROOT)
    wanted = [shine(cancel_requested_us=T0, attempts=1, delivery=DeliveryState.SENT)]
    cancelling.messages(cancelling.due(wanted, T0), wanted, {"a1": at("d1")}, T0)
    assert cancelling.due(wanted, T0 + 1) == []
    cancelling.hurry(wanted)
    assert cancelling.due(wanted, T0 + 1) == wanted


def test_members_of_a_connector_are_cancelled_each_on_its_own() -> None:
    cancelling = CancellationSender(ROOT)
    wanted = members(4, cancel_requested_us=T0, attempts=1, delivery=DeliveryState.SENT)
    to = {c.asset_id: at(f"d{c.asset_id}", "c1" if n % 2 else "") for n, c in enumerate(wanted)}
    sent = cancelling.messages(cancelling.due(wanted, T0), wanted, to, T0)
    below = [f"city/v1/kl/toy/c1/member/toy/d{c.asset_id}/cmd/cancel" for c in wanted[1::2]]
    assert [topic for topic, _ in sent] == ["city/v1/kl/group/g/cmd/cancel", *below]
