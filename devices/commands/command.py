"""A command as the registry keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class DeliveryState(StrEnum):
    """How far a command got. `unknown` is no answer: neither success nor failure, a late answer corrects it."""

    QUEUED = "queued"
    SENT = "sent"
    ACCEPTED = "accepted"
    APPLIED = "applied"
    REJECTED = "rejected"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNDELIVERABLE = "undeliverable"
    UNKNOWN = "unknown"

    @property
    def final(self) -> bool:
        """True when nothing more is expected (an `unknown` may still be corrected)."""
        return self not in {DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.ACCEPTED}


class EffectState(StrEnum):
    """What the command does on the device now; only for commands whose effect lasts."""

    NONE = "none"
    PENDING = "pending"
    IN_FORCE = "in_force"
    ENDED = "ended"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Command:
    """One command to one asset; a group command is one row per member with the same `wire_id` and `group_id`."""

    command_id: str
    """Our id, the API's."""
    wire_id: str
    """`command_id` on the wire: equal for all members of a group command."""
    tenant_id: str
    kind: str
    asset_id: str
    group_id: str | None
    name: str
    arguments: Mapping[str, Any]
    issuer: str
    reason: str
    issued_us: int
    deliver_by_us: int
    start_us: int | None = None
    until_us: int | None = None
    delivery: DeliveryState = DeliveryState.QUEUED
    effect: EffectState = EffectState.NONE
    answer: str | None = None
    """Reason the device or we gave for the final state."""
    attempts: int = 0
    next_attempt_us: int | None = None
    cancel_requested_us: int | None = None
    sent_us: int | None = None
    accepted_us: int | None = None
    applied_us: int | None = None
    final_us: int | None = None
    history: tuple[Mapping[str, Any], ...] = field(default=())
    """Each step as {"at_us", "delivery" or "effect", "reason"}; newest last."""
