"""A command as a row and back."""

from typing import Any

from sqlalchemy import Row

from devices.commands.command import Command, DeliveryState, EffectState


def is_open(command: Command) -> bool:
    """Tell whether the dispatcher still has to look at it: not final, or its effect lasts."""
    return not command.delivery.final or command.effect in {EffectState.PENDING, EffectState.IN_FORCE}


def row_of(command: Command) -> dict[str, Any]:
    """All columns."""
    return {
        "command_id": command.command_id,
        "wire_id": command.wire_id,
        "tenant_id": command.tenant_id,
        "kind": command.kind,
        "asset_id": command.asset_id,
        "group_id": command.group_id,
        "name": command.name,
        "arguments": command.arguments,
        "issuer": command.issuer,
        "reason": command.reason,
        "issued_us": command.issued_us,
        "deliver_by_us": command.deliver_by_us,
        "start_us": command.start_us,
        "until_us": command.until_us,
        "cancel_requested_us": command.cancel_requested_us,
        **_progress(command),
    }


def progress_of(command: Command) -> dict[str, Any]:
    """The progress columns, `which` for its id, `cancelled_us` for when its cancellation was asked for."""
    return {"which": command.command_id, "cancelled_us": command.cancel_requested_us, **_progress(command)}


def command_of(row: Row[Any]) -> Command:
    """The command of a whole row."""
    return Command(
        command_id=row.command_id,
        wire_id=row.wire_id,
        tenant_id=row.tenant_id,
        kind=row.kind,
        asset_id=row.asset_id,
        group_id=row.group_id,
        name=row.name,
        arguments=row.arguments,
        issuer=row.issuer,
        reason=row.reason,
        issued_us=row.issued_us,
        deliver_by_us=row.deliver_by_us,
        start_us=row.start_us,
        until_us=row.until_us,
        delivery=DeliveryState(row.delivery),
        effect=EffectState(row.effect),
        answer=row.answer,
        attempts=row.attempts,
        next_attempt_us=row.next_attempt_us,
        cancel_requested_us=row.cancel_requested_us,
        sent_us=row.sent_us,
        accepted_us=row.accepted_us,
        applied_us=row.applied_us,
        final_us=row.final_us,
        history=tuple(row.history),
    )


def _progress(command: Command) -> dict[str, Any]:
    return {
        "delivery": command.delivery.value,
        "effect": command.effect.value,
        "answer": command.answer,
        "attempts": command.attempts,
        "next_attempt_us": command.next_attempt_us,
        "sent_us": command.sent_us,
        "accepted_us": command.accepted_us,
        "applied_us": command.applied_us,
        "final_us": command.final_us,
        "history": command.history,
        "is_open": is_open(command),
    }
