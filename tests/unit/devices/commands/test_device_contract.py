"""What a device does with what arrives on its command topics."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.commands.device_contract import CommandAnswer, DeviceAction, DeviceContract
from devices.commands.wire import CANCEL
from devices.messages import AckStatus
from devices.time_us import SECOND_US, rfc3339
from tests.unit.devices.commands.toy import T0


def message(command_id: object = "c1", **changes: Any) -> dict[str, Any]:
    return {"v": 1, "command_id": command_id, "deliver_by": rfc3339(T0 + 10 * SECOND_US)} | changes


def test_executes_once_and_answers_the_repetition_with_the_stored_answer() -> None:
    contract = DeviceContract()
    assert contract.judge("shine", message(), retained=False, now_us=T0).do is DeviceAction.EXECUTE
    answer = CommandAnswer("c1", AckStatus.APPLIED)
    contract.remember(answer)
    again = contract.judge("shine", message(), retained=False, now_us=T0 + 60 * SECOND_US)
    assert (again.do, again.answer) == (DeviceAction.ANSWER, answer)


def test_remembers_over_a_reboot() -> None:
    before = DeviceContract([CommandAnswer("c1", AckStatus.APPLIED)])
    after = DeviceContract(before.answers())
    assert after.judge("shine", message(), retained=False, now_us=T0).do is DeviceAction.ANSWER


@pytest.mark.parametrize("body", [message(), message(v=2), message(command_id=7), message(command_id="a/b"), {}])
def test_ignores_what_is_retained(body: dict[str, Any]) -> None:
    assert DeviceContract().judge("shine", body, retained=True, now_us=T0).do is DeviceAction.IGNORE


@pytest.mark.parametrize("body", [message(v=2), message(command_id=7), message(command_id="a/b"), {}])
def test_ignores_what_has_no_usable_head(body: dict[str, Any]) -> None:
    assert DeviceContract().judge("shine", body, retained=False, now_us=T0).do is DeviceAction.IGNORE


def test_refuses_what_came_too_late() -> None:
    verdict = DeviceContract().judge("shine", message(), retained=False, now_us=T0 + 10 * SECOND_US + 1)
    assert verdict.answer == CommandAnswer("c1", AckStatus.REJECTED, "expired")


def test_device_without_clock_executes() -> None:
    assert DeviceContract().judge("shine", message(), retained=False, now_us=None).do is DeviceAction.EXECUTE


@pytest.mark.parametrize("deliver_by", [None, 7, "tomorrow", "2026-01-01T00:00:00"])
def test_refuses_a_command_without_a_valid_deadline(deliver_by: object) -> None:
    verdict = DeviceContract().judge("shine", message(deliver_by=deliver_by), retained=False, now_us=T0)
    assert verdict.answer is not None
    assert verdict.answer.status is AckStatus.REJECTED


def test_cancels_what_is_in_force() -> None:
    contract = DeviceContract([CommandAnswer("c1", AckStatus.APPLIED)])
    verdict = contract.judge(CANCEL, message(), retained=False, now_us=T0)
    assert (verdict.do, verdict.answer) == (DeviceAction.CANCEL, CommandAnswer("c1", AckStatus.APPLIED, "cancelled"))
    again = contract.judge(CANCEL, message(), retained=False, now_us=T0)
    assert (again.do, again.answer) == (DeviceAction.ANSWER, verdict.answer)


def test_command_that_comes_after_its_cancellation_is_not_executed() -> None:
    contract = DeviceContract()
    cancelled = contract.judge(CANCEL, message(), retained=False, now_us=T0)
    assert cancelled.answer == CommandAnswer("c1", AckStatus.REJECTED, "cancelled")
    late = contract.judge("shine", message(), retained=False, now_us=T0)
    assert (late.do, late.answer) == (DeviceAction.ANSWER, cancelled.answer)


@given(st.lists(st.integers(0, 30), max_size=200))
def test_forgets_the_oldest_and_stays_small(numbers: list[int]) -> None:
    contract = DeviceContract(remembered=10)
    for number in numbers:
        contract.remember(CommandAnswer(f"c{number}", AckStatus.APPLIED))
    newest = list(dict.fromkeys(reversed(numbers)))[:10]
    assert [a.command_id for a in contract.answers()] == [f"c{n}" for n in reversed(newest)]
