"""The life of a command: pure transitions. Each returns the command unchanged where it changes nothing.

Delivery only moves forward. `unknown` and `undeliverable` are our presumptions, so a device's late answer corrects
them; what a device said, and what never left us, stays. Only a device makes a command `applied`.
"""

from dataclasses import replace
from typing import Any, Final

from devices.commands.command import Command, DeliveryState, EffectState
from devices.messages import AWAY, AckStatus
from devices.time_us import SECOND_US

ANSWER_GRACE_US: Final = 10 * SECOND_US
"""An answer may be this long under way after `deliver_by`."""
RESULT_GRACE_US: Final = 30 * SECOND_US
"""An accepted command may take this long after `deliver_by` or `start_at`."""
END_GRACE_US: Final = 10 * SECOND_US
"""A state that confirms the end of an effect is waited for this long."""
CLOCK_TOLERANCE_US: Final = 5 * SECOND_US
"""A device's clock that differs more is named as wrong."""
HISTORY_MAX: Final = 64
CANCELLED: Final = "cancelled"
"""Reason by which a device confirms a cancellation."""
EXPIRED: Final = "expired"
"""Reason by which a device refuses a command that came too late by its clock."""
CONFIRMED: Final = "confirmed by state"

_PRESUMED = frozenset({DeliveryState.UNKNOWN, DeliveryState.UNDELIVERABLE})
_LASTING = frozenset({EffectState.PENDING, EffectState.IN_FORCE})


def command_order(command: Command) -> tuple[int, int, str]:
    """Sort key: of two commands of one effect class the later in this order is to win."""
    return (command.issued_us if command.start_us is None else command.start_us, command.issued_us, command.command_id)


def is_settled(command: Command) -> bool:
    """Tell whether neither time nor dispatching can change it any more."""
    return command.delivery.final and command.effect not in _LASTING


def count_attempt(command: Command, next_us: int) -> Command:
    """Count an attempt, before it is made; `next_us` is when to try again."""
    return replace(command, attempts=command.attempts + 1, next_attempt_us=next_us)


def mark_sent(command: Command, at_us: int) -> Command:
    """The broker has it, which proves nothing about the device."""
    if command.delivery is not DeliveryState.QUEUED:
        return command
    return _to(command, at_us, delivery=DeliveryState.SENT, sent_us=at_us)


def _reached(command: Command, received_us: int) -> Command:
    """An answer may overtake the broker's confirmation, and proves more: it was sent by then."""
    return mark_sent(command, received_us) if command.attempts > 0 else command


def mark_undeliverable(command: Command, at_us: int, reason: str) -> Command:
    """There is no way to the device."""
    return command if command.delivery.final else _give_up(command, at_us, DeliveryState.UNDELIVERABLE, reason)


def on_ack(command: Command, status: AckStatus, reason: str | None, ts_us: int | None, received_us: int) -> Command:
    """The device answered; `ts_us` is its own clock, where it has one."""
    command = _reached(command, received_us)
    if reason == CANCELLED:
        return _cancellation_confirmed(command, status, ts_us, received_us)
    if status is AckStatus.APPLIED:
        return _applied(command, received_us, ts_us, reason or "")
    if status in {AckStatus.ACCEPTED, AckStatus.IN_PROGRESS}:
        return _accepted(command, status, reason, received_us)
    return _refused(command, status, reason or "", ts_us, received_us) if _open(command) else command


def on_state(command: Command, named: str | None, ts_us: int | None, received_us: int) -> Command:
    """The device said what it is set to; `named` is the wire id its state names.

    A state that names another command ends this one only from `until_us` on: on a ladder of priorities both may hold.
    """
    if named == command.wire_id:
        command = _reached(command, received_us)
        if command.effect is EffectState.IN_FORCE and not _confirmed(command):
            return _to(command, received_us, effect=EffectState.IN_FORCE, reason=CONFIRMED, device_us=ts_us)
        return _applied(command, received_us, ts_us, CONFIRMED)
    if command.effect is not EffectState.IN_FORCE or _older(command, ts_us, received_us):
        return command
    return _unnamed(command, named, received_us)


def mark_superseded(command: Command, by_command_id: str, at_us: int) -> Command:
    """A later command of the same effect class was applied."""
    if command.effect not in _LASTING:
        return command
    reason = f"superseded by {by_command_id}"
    if command.delivery is DeliveryState.QUEUED and command.attempts == 0:
        command = _to(command, at_us, delivery=DeliveryState.CANCELLED, reason=reason, answer=reason, final_us=at_us)
    return _to(replace(command, next_attempt_us=None), at_us, effect=EffectState.SUPERSEDED, reason=reason)


def on_clock(command: Command, now_us: int, status: str) -> Command:
    """Time passed; `status` is what is known of the connection (online, offline, sleeping, unreachable, unknown)."""
    deadline = _delivery_deadline(command)
    if deadline is not None and now_us > deadline:
        command = _late(command, now_us, status)
    ends = _effect_deadline(command)
    if ends is not None and now_us > ends:
        note = "not confirmed by the device" if command.effect is EffectState.IN_FORCE else "never known to have begun"
        command = _to(command, now_us, effect=EffectState.ENDED, reason=f"by the clock, {note}")
    return command


def deadline_us(command: Command) -> int | None:
    """Instant after which `on_clock` changes it; None when never."""
    known = [d for d in (_delivery_deadline(command), _effect_deadline(command)) if d is not None]
    return min(known, default=None)


def _delivery_deadline(command: Command) -> int | None:
    if command.delivery.final:
        return None
    if command.delivery is DeliveryState.ACCEPTED:
        return max(command.deliver_by_us, command.start_us or 0) + RESULT_GRACE_US
    if command.attempts == 0:
        return -1 if command.cancel_requested_us is not None else command.deliver_by_us
    return command.deliver_by_us + ANSWER_GRACE_US


def _effect_deadline(command: Command) -> int | None:
    if command.until_us is None or not command.delivery.final or command.effect not in _LASTING:
        return None
    return command.until_us + END_GRACE_US


def _late(command: Command, now_us: int, status: str) -> Command:
    if command.delivery is DeliveryState.ACCEPTED:
        return _give_up(command, now_us, DeliveryState.UNKNOWN, "accepted, but no result came")
    if _missed_multicast(command, status):
        return _give_up(command, now_us, DeliveryState.UNDELIVERABLE, f"the device was {status}")
    if command.attempts > 0:
        return _give_up(command, now_us, DeliveryState.UNKNOWN, "no answer")
    if command.cancel_requested_us is not None:
        return _give_up(command, now_us, DeliveryState.CANCELLED, "before it was sent")
    if status in AWAY:
        return _give_up(command, now_us, DeliveryState.UNDELIVERABLE, f"the device was {status}")
    return _give_up(command, now_us, DeliveryState.EXPIRED, "it could not be sent in time")


def _missed_multicast(command: Command, status: str) -> bool:
    """Tell whether only the others of its group listened: to an offline member nothing is `sent`."""
    member = command.group_id is not None and command.attempts > 0
    return member and command.delivery is DeliveryState.QUEUED and status in AWAY


def _give_up(command: Command, at_us: int, delivery: DeliveryState, reason: str) -> Command:
    """End without `applied`. An unknown effect may have begun: it stays pending until its end."""
    command = _to(
        command, at_us, delivery=delivery, reason=reason, answer=reason or None, final_us=at_us, next_attempt_us=None
    )
    if command.effect is not EffectState.PENDING or delivery is DeliveryState.UNKNOWN:
        return command
    effect = EffectState.CANCELLED if delivery is DeliveryState.CANCELLED else EffectState.NONE
    return _to(command, at_us, effect=effect, reason=reason)


def _refused(command: Command, status: AckStatus, reason: str, ts_us: int | None, received_us: int) -> Command:
    if status is AckStatus.FAILED:
        return _give_up(command, received_us, DeliveryState.FAILED, reason)
    if reason != EXPIRED:
        return _give_up(command, received_us, DeliveryState.REJECTED, reason)
    if received_us > command.deliver_by_us:
        return _give_up(command, received_us, DeliveryState.EXPIRED, EXPIRED)
    return _give_up(command, received_us, DeliveryState.REJECTED, EXPIRED + _wrong_clock(ts_us, received_us))


def _unnamed(command: Command, named: str | None, received_us: int) -> Command:
    """The device's state no longer names a command in force."""
    if command.until_us is not None and received_us >= command.until_us:
        return _to(command, received_us, effect=EffectState.ENDED, reason=CONFIRMED)
    if named is None and command.cancel_requested_us is not None:
        return _to(command, received_us, effect=EffectState.CANCELLED, reason=CONFIRMED)
    if named is None and _confirmed(command):
        return _to(command, received_us, effect=EffectState.ENDED, reason="the device no longer names it")
    return command


def _accepted(command: Command, status: AckStatus, reason: str | None, received_us: int) -> Command:
    note = status.value if reason is None else f"{status.value}: {reason}"
    known = any(h.get("reason") == note for h in command.history)
    if command.delivery in {DeliveryState.QUEUED, DeliveryState.SENT} or (
        command.delivery is DeliveryState.ACCEPTED and not known
    ):
        since = command.accepted_us or received_us
        return _to(
            command, received_us, delivery=DeliveryState.ACCEPTED, reason=note, accepted_us=since, next_attempt_us=None
        )
    if command.delivery in _PRESUMED and not known:
        return _to(command, received_us, delivery=command.delivery, reason=note, answer=f"{note}, but no result came")
    return command


def _applied(command: Command, at_us: int, ts_us: int | None, reason: str) -> Command:
    if not _open(command):
        return command
    command = _to(
        command, at_us, delivery=DeliveryState.APPLIED, reason=reason, answer=reason or None,
        applied_us=at_us, final_us=at_us, next_attempt_us=None, device_us=ts_us,
    )  # fmt: skip
    may_begin = command.effect is EffectState.PENDING or (
        command.effect is EffectState.NONE and command.until_us is not None
    )
    if not may_begin:
        return command
    over = command.until_us is not None and at_us > command.until_us + END_GRACE_US
    return _to(command, at_us, effect=EffectState.ENDED if over else EffectState.IN_FORCE, reason=reason)


def _cancellation_confirmed(command: Command, status: AckStatus, ts_us: int | None, received_us: int) -> Command:
    """`applied`: it was in force and is no more; anything else: it will never be applied."""
    if status is AckStatus.APPLIED:
        command = _applied(command, received_us, ts_us, "")
    elif _open(command):
        command = _give_up(command, received_us, DeliveryState.CANCELLED, CANCELLED)
    if command.effect in _LASTING:
        command = _to(command, received_us, effect=EffectState.CANCELLED, reason=CANCELLED)
    return command


def _open(command: Command) -> bool:
    return not command.delivery.final or command.delivery in _PRESUMED


def _wrong_clock(ts_us: int | None, received_us: int) -> str:
    """Name the wrong clock that made a device refuse a command that came in time."""
    if ts_us is None or abs(ts_us - received_us) <= CLOCK_TOLERANCE_US:
        return ""
    ahead = (ts_us - received_us) / SECOND_US
    return f": the device's clock is {abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}"


def _confirmed(command: Command) -> bool:
    return any(h.get("reason") == CONFIRMED for h in command.history)


def _older(command: Command, ts_us: int | None, received_us: int) -> bool:
    """Tell whether a state was made before the command was applied, by the device's clock where both carry it."""
    applied = [h["device_us"] for h in command.history if "device_us" in h]
    if applied and ts_us is not None:
        return bool(ts_us <= max(applied))
    return command.applied_us is not None and received_us <= command.applied_us


def _to(
    command: Command,
    at_us: int,
    *,
    delivery: DeliveryState | None = None,
    effect: EffectState | None = None,
    reason: str = "",
    device_us: int | None = None,
    **columns: Any,  # noqa: ANN401 - the command's own columns
) -> Command:
    step: dict[str, Any] = {"at_us": at_us}
    if delivery is not None:
        step["delivery"] = delivery.value
    if effect is not None:
        step["effect"] = effect.value
    if reason:
        step["reason"] = reason
    if device_us is not None:
        step["device_us"] = device_us
    history = (*command.history, step)[-HISTORY_MAX:]
    return replace(
        command, delivery=delivery or command.delivery, effect=effect or command.effect, history=history, **columns
    )
