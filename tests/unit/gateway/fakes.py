"""Ports in memory, and a kind to speak in."""

import copy
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar, cast

from pydantic import Field

from application.ports.cursor_positions import CursorPositions
from application.ports.dead_letters import DeadLetter, DeadLetters
from application.ports.desired_configs import DesiredConfigs
from application.ports.identity import DedupResult, SampleClaim
from application.ports.inventory import Asset, AssetRepository, DeviceBinding, UnknownDevice
from application.ports.journal import JournalBatch
from application.ports.loans import Loan, LoanRepository
from application.ports.memberships import ConnectorMembership, MembershipRepository
from application.ports.message_ledger import MessageLedger
from devices.errors import RegistryUnavailable
from devices.kind import DeviceKind
from devices.kind_catalog import KindCatalog
from devices.messages import EventMessage, StateMessage, TelemetryMessage
from devices.samples import RawMessage
from devices.sequence_ranges import SequenceRanges
from devices.time_us import rfc3339
from gateway.decode import MessageDecoder

P = TypeVar("P")
NOW_US = 1_790_000_000_000_000


class LampTelemetry(TelemetryMessage):
    level_pct: Annotated[float, Field(ge=0, le=100)] | None = None


KIND = DeviceKind(
    name="lamp", title="Lamp", telemetry=LampTelemetry, state=StateMessage, events={"fault": EventMessage}
)
CATALOG = KindCatalog({"lamp": KIND})
DECODER = MessageDecoder(CATALOG)


def message(
    seq: int = 0, device: str = "l1", channel: str = "telemetry", *, retained: bool = False, **fields: Any
) -> RawMessage:
    """A message received at NOW_US; a field given as None is left out."""
    head: dict[str, Any] = {
        "v": 1,
        "device_id": device,
        "ts": rfc3339(NOW_US + seq * 1000),
        "boot_id": "b1",
        "seq": seq,
    }
    body = {k: v for k, v in (head | fields).items() if v is not None}
    received_us = body.pop("received_us", NOW_US)
    topic = f"city/v1/kl/lamp/{device}/{channel}".encode()
    return RawMessage(topic, json.dumps(body).encode(), 1, retained, duplicate=False, received_us=received_us)


class MemoryIdentity:
    """`Identity` and `Judgement`; what a failed transaction did is undone."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {"seq": {}, "seen": {}, "verdicts": {}, "judged": Counter()}

    def judged_through(self, lane: str) -> int:
        return int(self.kept["judged"][lane])

    def verdicts(self, lane: str, batch_id: int) -> bytes | None:
        return cast("bytes | None", self.kept["verdicts"].get((lane, batch_id)))

    @contextmanager
    def judge(self) -> Iterator["MemoryIdentity"]:
        before = copy.deepcopy(self.kept)
        try:
            yield self
        except BaseException:
            self.kept = before
            raise

    def ranges(self, keys: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], SequenceRanges]:
        return {key: SequenceRanges.load(self.kept["seq"][key]) for key in keys if key in self.kept["seq"]}

    def put_ranges(self, ranges: Mapping[tuple[str, str], SequenceRanges], at_us: int) -> None:
        self.kept["seq"].update((key, r.dump()) for key, r in ranges.items())

    def claim(self, claims: Sequence[SampleClaim]) -> list[DedupResult]:
        standings = []
        for claim in claims:
            known = self.kept["seen"].setdefault(claim[:4], claim)
            standings.append(DedupResult.NEW if known is claim else self.compare(claim))
        return standings

    def compare(self, claim: SampleClaim) -> DedupResult:
        known = self.kept["seen"].get(claim[:4])
        return DedupResult.DUPLICATE if known is not None and known.digest == claim.digest else DedupResult.CONFLICT

    def knows(self, claim: SampleClaim) -> bool:
        return any(seen[:3] == claim[:3] for seen in self.kept["seen"])

    def series_count(self) -> int:
        return 0

    def part_count(self, device_id: str) -> int:
        return len({seen[:3] for seen in self.kept["seen"] if seen[0] == device_id})

    def put_verdicts(self, lane: str, batch_id: int, verdicts: bytes) -> None:
        self.kept["verdicts"][lane, batch_id] = verdicts
        self.kept["judged"][lane] = batch_id

    def forget_verdicts(self, lane: str, through: int) -> None:
        for key in [k for k in self.kept["verdicts"] if k[0] == lane and k[1] <= through]:
            del self.kept["verdicts"][key]

    def prune(self, now_us: int) -> None:
        pass

    def close(self) -> None:
        pass


class MemoryInventory:
    """The parts of `Inventory` that the gateway uses."""

    def __init__(self) -> None:
        self.bindings: list[DeviceBinding] = []
        self.assets: dict[str, Asset] = {}
        self.changes = 0
        self.asked: list[set[str]] = []
        self.unknown: list[UnknownDevice] = []

    def register(self, device: str, asset: str | None = None, from_us: int = 0, until_us: int | None = None) -> None:
        asset_id = asset or f"a-{device}"
        self.assets[asset_id] = Asset(asset_id, "kl", "lamp", asset_id, 0)
        self.bindings.append(DeviceBinding(asset_id, device, "kl", "lamp", from_us, until_us))
        self.changes += 1

    def revision(self) -> int:
        return self.changes

    def bindings_of_devices(self, device_ids: Collection[str]) -> dict[str, tuple[DeviceBinding, ...]]:
        self.asked.append(set(device_ids))
        found = {d: tuple(b for b in self.bindings if b.device_id == d) for d in device_ids}
        return {d: bindings for d, bindings in found.items() if bindings}

    def current_devices(self, asset_ids: Collection[str]) -> dict[str, str]:
        running = (b for b in self.bindings if b.until_us is None)
        return {b.asset_id: b.device_id for b in running if b.asset_id in asset_ids}

    def many(self, asset_ids: Collection[str]) -> dict[str, Asset]:
        return {a: self.assets[a] for a in asset_ids if a in self.assets}

    def note_unknown(self, seen: Sequence[UnknownDevice]) -> None:
        self.unknown += seen


class MemoryLoans:
    """The part of `Loans` that the gateway uses."""

    def __init__(self) -> None:
        self.kept: list[Loan] = []

    def all(self) -> list[Loan]:
        return [*self.kept]

    def of_assets(self, asset_ids: Collection[str]) -> dict[str, tuple[Loan, ...]]:
        return {a: tuple(loan for loan in self.kept if loan.asset_id == a) for a in asset_ids}


class MemoryMemberships:
    """The parts of `Memberships` that the gateway uses."""

    def __init__(self) -> None:
        self.kept: list[ConnectorMembership] = []

    def of_members(self, device_ids: Collection[str]) -> dict[str, tuple[ConnectorMembership, ...]]:
        found = {d: tuple(m for m in self.kept if m.member_id == d) for d in device_ids}
        return {d: some for d, some in found.items() if some}

    def connectors(self) -> dict[str, int]:
        return {m.connector_user: m.from_us for m in self.kept if m.until_us is None}

    def running_of(self, connector_id: str) -> list[ConnectorMembership]:
        return [m for m in self.kept if m.connector_id == connector_id and m.until_us is None]


class MemoryBooks:
    """`Positions`, `Ledger`, `DeadLetters` in one, and `DesiredConfigs` without any."""

    def __init__(self) -> None:
        self.positions: Counter[str] = Counter()
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.letters: dict[str, DeadLetter] = {}

    def get(self, cursor: str) -> int:
        return self.positions[cursor]

    def set(self, cursor: str, batch_id: int) -> None:
        self.positions[cursor] = batch_id

    def count(self, increments: Mapping[tuple[str, str, str], int]) -> None:
        self.counts.update(increments)

    def reporting_intervals_s(self, _asset_ids: Collection[str]) -> Mapping[str, float]:
        return {}

    def add(self, letters: Sequence[DeadLetter]) -> None:
        self.letters |= {letter.letter_id: letter for letter in letters}


class MemoryRegistry:
    """Hands out the ports above; `broken` transactions fail at their end and change nothing."""

    def __init__(self) -> None:
        self.inventory = MemoryInventory()
        self.loans = MemoryLoans()
        self.memberships = MemoryMemberships()
        self.books = MemoryBooks()
        self.more: dict[type[Any], Any] = {}
        self.broken = 0

    def get(self, port: type[P]) -> P:
        books = dict.fromkeys((CursorPositions, MessageLedger, DeadLetters, DesiredConfigs), self.books)
        return cast("P", (self._ports() | books | self.more)[port])

    def _ports(self) -> dict[type[Any], Any]:
        return {AssetRepository: self.inventory, LoanRepository: self.loans, MembershipRepository: self.memberships}

    @contextmanager
    def read(self) -> Iterator["MemoryRegistry"]:
        yield self

    @contextmanager
    def write(self) -> Iterator["MemoryRegistry"]:
        before = copy.deepcopy(self.books)
        yield self
        if self.broken:
            self.broken -= 1
            self.books = before
            raise RegistryUnavailable


class MemoryJournal:
    """`JournalReader`."""

    def __init__(self, *batches: Sequence[RawMessage]) -> None:
        self.batches = {n + 1: messages for n, messages in enumerate(batches)}

    def read(self, after: int) -> JournalBatch | None:
        following = min((n for n in self.batches if n > after), default=None)
        return None if following is None else JournalBatch(following, self.batches[following])
