"""Refused messages, with their reasons."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from application.ports.paging import ResultPage


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused message with its reason and bytes (`payload` None when the device's daily limit was reached)."""

    letter_id: str
    received_us: int
    topic: bytes
    payload: bytes | None
    reason: str
    """Machine-readable: bad_topic, bad_json, wrong_type, out_of_range, missing_field, unknown_version, wrong_device,
    unknown_kind, unknown_event, clock_ahead, too_old, too_large, bad_encoding, unregistered, not_its_connector,
    has_a_connector, store_refused."""
    detail: str
    tenant_id: str | None
    kind: str | None
    device_id: str | None
    qos: int = 1
    retained: bool = False
    replayed_us: int | None = None


class DeadLetters(Protocol):
    """Refused messages."""

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Keep; adding the same letter_id again changes nothing."""

    def get(self, letter_id: str) -> DeadLetter:
        """Raises NotFound."""

    def find(
        self,
        *,
        kinds: Collection[str] | None = None,
        tenant_ids: Collection[str] | None = None,
        device_id: str | None = None,
        reason: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> ResultPage[DeadLetter]:
        """Newest first. `kinds`, or `tenant_ids`, given excludes letters whose kind, or tenant, is not known."""

    def kept_since(self, device_id: str | None, from_us: int) -> tuple[int, int]:
        """How many letters of a device, or of none, came at or after an instant, and their bytes."""

    def request_replay(self, letter_id: str) -> None:
        """Ask the gateway to judge it again. Raises NotFound, Conflict when its bytes were not kept."""

    def replays(self, limit: int = 100) -> Sequence[DeadLetter]:
        """Letters whose replay is asked for and not done."""

    def mark_replayed(self, letter_ids: Collection[str], at_us: int) -> None:
        """Record that they were judged again."""
