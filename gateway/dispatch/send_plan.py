"""When a command is to be sent, and as which messages: pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from devices import topics
from devices.commands import wire
from devices.commands.command import Command, DeliveryState
from devices.commands.lifecycle import deadline_us, is_settled
from devices.messages import AWAY
from devices.time_us import SECOND_US
from gateway.dispatch.device_addresses import DeviceAddress

RETRY_FIRST_US: Final = 2 * SECOND_US
RETRY_MAX_US: Final = 32 * SECOND_US
AFTER_SPREAD_US: Final = SECOND_US
NEVER_US: Final = 2**62


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One publish for one command or for many of a group."""

    topic: str
    payload: bytes
    commands: tuple[Command, ...]
    next_us: int
    """When to try again those that did not answer."""


def is_offline(status: str) -> bool:
    """Tell whether a device is known not to listen."""
    return status in {*AWAY, "removed"}


def wake_us(command: Command) -> int:
    """When to look at the command next, if nothing happens before."""
    ends = deadline_us(command)
    if command.cancel_requested_us is not None or (command.delivery is DeliveryState.QUEUED and command.attempts == 0):
        return 0
    begins = None if command.delivery.final else command.next_attempt_us
    return min((t for t in (ends, begins) if t is not None), default=NEVER_US)


def wants_sending(command: Command, status: str, now_us: int, *, again: bool = False) -> bool:
    """Tell whether to send it now: first, or again as no answer came. Devices known offline are waited for.

    A sleeping device gets it once, as it may only doze; then its next sign of life is waited for. `again`: repeat it
    before its time, an accepted one too.
    """
    if command.delivery.final or command.cancel_requested_us is not None or now_us > command.deliver_by_us:
        return False
    if is_offline(status) or (status == "sleeping" and command.attempts > 0):
        return False
    if again or (command.attempts == 0 and command.delivery is DeliveryState.QUEUED):
        return True
    return command.next_attempt_us is not None and command.next_attempt_us <= now_us


def is_repeatable(command: Command, now_us: int) -> bool:
    """Tell whether a device that listens again is to get it again: it may have been lost, or its result."""
    begun = command.start_us is None or command.start_us <= now_us
    return command.attempts > 0 and (command.delivery is not DeliveryState.ACCEPTED or begun)


def wants_cancelling(command: Command, status: str) -> bool:
    """Tell whether the device is to be told that the command is cancelled: it may have got it."""
    left_us = command.attempts > 0 or command.delivery is not DeliveryState.QUEUED
    return command.cancel_requested_us is not None and left_us and not is_settled(command) and not is_offline(status)


def retry_us(attempts: int, now_us: int) -> int:
    """When to try again after so many attempts: 2 s, 4 s, 8 s … 32 s."""
    return now_us + min(RETRY_FIRST_US << min(attempts - 1, 8), RETRY_MAX_US)


def split_multicasts(due: Iterable[Command]) -> tuple[list[list[Command]], list[Command]]:
    """Group commands that go out as one multicast, and the others one by one; oldest first."""
    groups: dict[str, list[Command]] = {}
    for command in sorted(due, key=lambda c: (c.issued_us, c.command_id)):
        multicast = command.group_id is not None and command.attempts == 0
        groups.setdefault(command.wire_id if multicast else command.command_id, []).append(command)
    many = [g for g in groups.values() if len(g) > 1]
    return many, [g[0] for g in groups.values() if len(g) == 1]


def to_group(members: Sequence[Command], now_us: int, root: str) -> OutgoingMessage:
    """One message for all members; who stays silent is tried alone 1 s after the spread."""
    first = members[0]
    spread_s = wire.ack_spread_s(len(members))
    topic = topics.group_command(first.tenant_id, first.group_id or "", first.name, root)
    next_us = now_us + int(spread_s * SECOND_US) + AFTER_SPREAD_US
    return OutgoingMessage(topic, wire.encode_command(first, spread_s), tuple(members), next_us)


def to_device(command: Command, to: DeviceAddress, now_us: int, next_us: int | None = None) -> OutgoingMessage:
    """Message for one device; `next_us`: when to try again, else after a pause that grows with the attempts."""
    topic = topics.command_topic(to.base, command.name)
    next_us = retry_us(command.attempts + 1, now_us) if next_us is None else next_us
    return OutgoingMessage(topic, wire.encode_command(command), (command,), next_us)


def cancel_to_group(members: Sequence[Command], root: str) -> tuple[str, bytes]:
    """Topic and bytes that cancel a command for a whole group."""
    first = members[0]
    return topics.group_command(first.tenant_id, first.group_id or "", wire.CANCEL, root), wire.encode_cancel(first)


def cancel_to_device(command: Command, to: DeviceAddress) -> tuple[str, bytes]:
    """Topic and bytes that cancel a command for one device."""
    return topics.command_topic(to.base, wire.CANCEL), wire.encode_cancel(command)
