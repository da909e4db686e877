"""The gateway's bookkeeping: positions, ledger, gaps, dead letters, changes, heartbeats, the lease."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

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


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """Sums for one kind (`-` where unknown) and unit (`messages` or `samples`).

    received = stored + duplicate + conflict + dead_letter + in_journal + lost
    """

    kind: str
    unit: str
    received: int = 0
    stored: int = 0
    duplicate: int = 0
    conflict: int = 0
    dead_letter: int = 0
    in_journal: int = 0
    lost: int = 0
    """Accepted, and gone with a damaged journal before they were stored."""


@dataclass(frozen=True, slots=True)
class SequenceGap:
    """Sequence numbers of one device and boot that never came."""

    device_id: str
    kind: str
    tenant_id: str
    boot_id: str
    first_seq: int
    last_seq: int
    received: int
    missing: int
    at_us: int


class MessageLedger(Protocol):
    """Counters as rows of the transaction that causes them."""

    def count(self, increments: Mapping[tuple[str, str, str], int]) -> None:
        """Add to (kind, unit, column); `column` is a counter of LedgerLine but in_journal, or `accepted`."""

    def lines(self) -> Sequence[LedgerLine]:
        """All lines; in_journal is accepted − stored."""

    def put_gaps(self, gaps: Sequence[SequenceGap]) -> None:
        """Insert or replace by (device_id, boot_id). Older boots of one with many become one row, without id."""

    def gaps(
        self,
        kinds: Collection[str] | None = None,
        device_id: str | None = None,
        limit: int = 500,
        tenant_ids: Collection[str] | None = None,
    ) -> Sequence[SequenceGap]:
        """Rows with something missing, most recent first."""

    def missing(self) -> int:
        """Messages missing of all devices together."""


class CursorPositions(Protocol):
    """How far each cursor has walked a journal lane: names such as `effects/telemetry`, `store/telemetry`."""

    def get(self, cursor: str) -> int:
        """Last batch done; 0 at first."""

    def set(self, cursor: str, batch_id: int) -> None:
        """Advance, in the transaction of the batch's effects."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something the screen may want to know; `change_id` rises, is the SSE event id."""

    change_id: int
    at_us: int
    tenant_id: str | None
    kind: str | None
    topic: str
    """telemetry, state, status, alarm, command, device, flight, event, system …"""
    data: Mapping[str, Any]
    """For telemetry, state, status, info: {"devices": [{"device_id": …, "ts": …, "part": …, "values": {…}}]}."""


class ChangeFeed(Protocol):
    """Bounded tail of changes (the newest 50,000)."""

    def add(self, changes: Sequence[Change]) -> None:
        """Append; ids are given by the table, `change_id` is ignored."""

    def after(self, change_id: int, limit: int = 500) -> Sequence[Change]:
        """Changes newer than the id, oldest first."""

    def newest(self) -> int:
        """Id of the newest change; 0 when there is none."""

    def oldest(self) -> int:
        """Id of the oldest change still kept; 0 when there is none."""

    def trim(self, keep: int = 50_000) -> None:
        """Drop all but the newest."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Last word of one part (`gateway`, `journal/telemetry`, `store`, `broker`, `scheduler`, `canary`, …)."""

    part: str
    at_us: int
    ok: bool
    last_success_us: int | None
    detail: Mapping[str, Any]


class HeartbeatRepository(Protocol):
    """What the parts said of themselves."""

    def put(self, beats: Sequence[Heartbeat]) -> None:
        """Insert or replace by part."""

    def all(self) -> Sequence[Heartbeat]:
        """In order of part."""


class GatewayLease(Protocol):
    """One gateway per installation."""

    def take(self, holder: str, now_us: int, ttl_us: int) -> int:
        """Take or renew; returns the fencing number. Raises LeaseHeld while another holder's lease runs."""

    def release(self, holder: str) -> None:
        """Give it back at an orderly end."""
