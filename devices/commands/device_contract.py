"""What a device owes the backend about commands, as a pure state machine for simulators and as a model for firmware.

A device acts once per id, answers a repeated id with its stored answer, answers an expired one with `rejected` and
reason `expired` and its own `ts`, ignores retained ones. A cancellation is answered under the command's id with reason
`cancelled`: `applied` where the command was in force and is no more, `rejected` where it will never be executed. After
`applied` and at each end of an effect it publishes its `state`, whose `applied_command_id` names the command in force.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from devices.commands.lifecycle import CANCELLED, EXPIRED
from devices.commands.wire import CANCEL
from devices.messages import PROTOCOL_VERSION, AckStatus
from devices.time_us import to_us
from devices.topics import is_id

REMEMBERED: Final = 100


class DeviceAction(StrEnum):
    """What to do with a message on a command topic."""

    IGNORE = "ignore"
    EXECUTE = "execute"
    """Carry it out (at `start_at`, where it has one), answer, and `remember` each answer."""
    ANSWER = "answer"
    """Only send the answer."""
    CANCEL = "cancel"
    """End the command's effect, or drop what waits for its `start_at`; then send the answer."""


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """An `ack` without its envelope."""

    command_id: str
    status: AckStatus
    reason: str | None = None

    def body(self) -> dict[str, Any]:
        """Fields of the `ack` message."""
        fields: dict[str, Any] = {"command_id": self.command_id, "status": self.status.value}
        return fields if self.reason is None else fields | {"reason": self.reason}


@dataclass(frozen=True, slots=True)
class DeviceDecision:
    """What to do, about which command, with which answer."""

    do: DeviceAction
    command_id: str = ""
    answer: CommandAnswer | None = None


_IGNORE: Final = DeviceDecision(DeviceAction.IGNORE)


class DeviceContract:
    """Remembers the answers to the last 100 commands; a device keeps `answers()` over a reboot."""

    def __init__(self, answers: Iterable[CommandAnswer] = (), remembered: int = REMEMBERED) -> None:
        self._answers: OrderedDict[str, CommandAnswer] = OrderedDict()
        self._remembered = remembered
        for answer in answers:
            self.remember(answer)

    def answers(self) -> tuple[CommandAnswer, ...]:
        """Everything remembered, oldest first."""
        return tuple(self._answers.values())

    def remember(self, answer: CommandAnswer) -> None:
        """Keep the newest answer to a command; call before it is sent."""
        self._answers.pop(answer.command_id, None)
        self._answers[answer.command_id] = answer
        while len(self._answers) > self._remembered:
            self._answers.popitem(last=False)

    def judge(self, name: str, body: Mapping[str, Any], *, retained: bool, now_us: int | None) -> DeviceDecision:
        """Say what to do with a message on `…/cmd/{name}`; `now_us` None is a device without a valid clock."""
        command_id = body.get("command_id")
        if retained or body.get("v") != PROTOCOL_VERSION or not isinstance(command_id, str) or not is_id(command_id):
            return _IGNORE
        stored = self._answers.get(command_id)
        if name == CANCEL:
            return self._cancel(command_id, stored)
        if stored is not None:
            return DeviceDecision(DeviceAction.ANSWER, command_id, stored)
        deliver_by_us = _instant(body.get("deliver_by"))
        if deliver_by_us is None:
            return self._answer(DeviceAction.ANSWER, CommandAnswer(command_id, AckStatus.REJECTED, "invalidDeliverBy"))
        if now_us is not None and now_us > deliver_by_us:
            return self._answer(DeviceAction.ANSWER, CommandAnswer(command_id, AckStatus.REJECTED, EXPIRED))
        return DeviceDecision(DeviceAction.EXECUTE, command_id)

    def _cancel(self, command_id: str, stored: CommandAnswer | None) -> DeviceDecision:
        if stored is not None and stored.reason == CANCELLED:
            return DeviceDecision(DeviceAction.ANSWER, command_id, stored)
        begun = stored is not None and stored.status is AckStatus.APPLIED
        status = AckStatus.APPLIED if begun else AckStatus.REJECTED
        return self._answer(DeviceAction.CANCEL, CommandAnswer(command_id, status, CANCELLED))

    def _answer(self, do: DeviceAction, answer: CommandAnswer) -> DeviceDecision:
        self.remember(answer)
        return DeviceDecision(do, answer.command_id, answer)


def _instant(text: object) -> int | None:
    """Instant of an RFC 3339 text with offset, else None."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return to_us(moment) if moment.tzinfo is not None else None
