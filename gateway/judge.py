"""Judges each message once: accepted, duplicate, conflict or dead letter; before any store sees it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from zlib import crc32

from devices.instants import HOUR_US, rfc3339
from devices.ports.identity import Claim, Identity, Judgement, Standing
from devices.samples import RawMessage
from devices.sequence import SeqRanges
from gateway.bindings import Bindings
from gateway.decode import Heard, Reading, Refused
from gateway.verdicts import Outcome, Verdict

MAX_SERIES_PER_DEVICE = 512
_BOOTS_REMEMBERED = 50_000

Decoded = Heard | Refused


@dataclass(slots=True)
class _Pending:
    """A message whose readings are claimed, until the answer is there."""

    index: int
    binding_asset: str
    first_claim: int
    count: int


@dataclass(slots=True)
class Judged:
    """Verdicts of a batch, and the received numbers that it touched."""

    verdicts: list[Verdict]
    touched: dict[tuple[str, str], SeqRanges] = field(default_factory=dict)


class Judge:
    """Holds the received numbers of the devices that speak; one thread."""

    def __init__(self, identity: Identity, bindings: Bindings) -> None:
        self._identity = identity
        self._bindings = bindings
        self._ranges: dict[tuple[str, str], SeqRanges] = {}

    def judge(self, judgement: Judgement, messages: Sequence[RawMessage], decoded: Sequence[Decoded]) -> Judged:
        """Judge a batch in an open transaction."""
        verdicts: list[Verdict | None] = [None] * len(messages)
        judged = Judged([])
        claims: list[Claim] = []
        pending: list[_Pending] = []
        self._load(judgement, decoded)
        for index, (message, heard) in enumerate(zip(messages, decoded, strict=True)):
            if isinstance(heard, Refused):
                # What is retained comes again at each subscribe; it was refused and counted when it was new.
                outcome = Outcome.RETAINED if message.retained else Outcome.DEAD_LETTER
                verdicts[index] = Verdict(outcome, "", heard.reason, heard.detail)
                continue
            unfit = self._unfit(judgement, message, heard)
            if unfit is not None:
                verdicts[index] = unfit
                continue
            asset_id = self._asset_id(message, heard)
            if message.retained or heard.boot_id is None or not heard.seqs:
                verdicts[index] = Verdict(Outcome.RETAINED if message.retained else Outcome.ACCEPTED, asset_id)
                continue
            mine = claims_of(message, heard)
            key = (heard.uplink.device_id, heard.boot_id)
            ranges = self._ranges.setdefault(key, SeqRanges())
            judged.touched[key] = ranges
            fresh = [ranges.add(seq) for seq in heard.seqs]
            if not any(fresh):
                verdicts[index] = _seen_before(judgement, mine, asset_id)
                continue
            pending.append(_Pending(index, asset_id, len(claims), len(mine)))
            claims += mine
        standings = judgement.claim(claims)
        for p in pending:
            verdicts[p.index] = _verdict(p.binding_asset, standings[p.first_claim : p.first_claim + p.count])
        judged.verdicts = [v for v in verdicts if v is not None]
        return judged

    def again(self, judgement: Judgement, decoded: Sequence[Decoded]) -> dict[tuple[str, str], SeqRanges]:
        """Received numbers that messages judged before touched; whether their gaps were told is not known."""
        self._load(judgement, decoded)
        keys = {(h.uplink.device_id, h.boot_id) for h in decoded if isinstance(h, Heard) and h.boot_id is not None}
        found = {key: self._ranges[key] for key in keys if key in self._ranges}
        for ranges in found.values():
            ranges.reported = -1
        return found

    def forget(self) -> None:
        """Drop what is remembered, after a transaction that failed."""
        self._ranges.clear()

    def _load(self, judgement: Judgement, decoded: Sequence[Decoded]) -> None:
        if len(self._ranges) > _BOOTS_REMEMBERED:
            self._ranges.clear()
        wanted = {
            (h.uplink.device_id, h.boot_id)
            for h in decoded
            if isinstance(h, Heard) and h.boot_id is not None and (h.uplink.device_id, h.boot_id) not in self._ranges
        }
        if wanted:
            self._ranges.update(judgement.ranges(wanted))

    def _unfit(self, judgement: Judgement, message: RawMessage, heard: Heard) -> Verdict | None:
        uplink = heard.uplink
        bindings = self._bindings.of_device(uplink.device_id)
        if not bindings:
            return Verdict(Outcome.RETAINED if message.retained else Outcome.DEAD_LETTER, "", "unregistered", "")
        binding = Bindings.at(bindings, _instant(message, heard))
        if binding.until_us is not None and _instant(message, heard) >= binding.until_us:
            detail = f"spoke for {binding.asset_id} until {rfc3339(binding.until_us)}"
            return Verdict(Outcome.RETAINED if message.retained else Outcome.DEAD_LETTER, "", "unregistered", detail)
        if (binding.tenant_id, binding.kind) != (uplink.tenant_id, uplink.kind):
            detail = f"registered as {binding.tenant_id}/{binding.kind}"
            return Verdict(Outcome.DEAD_LETTER, "", "wrong_topic", detail)
        if judgement.part_count(uplink.device_id) >= MAX_SERIES_PER_DEVICE:
            detail = f"more than {MAX_SERIES_PER_DEVICE} parts and events"
            return Verdict(Outcome.DEAD_LETTER, "", "too_many_parts", detail)
        return None

    def _asset_id(self, message: RawMessage, heard: Heard) -> str:
        bindings = self._bindings.of_device(heard.uplink.device_id)
        return Bindings.at(bindings, _instant(message, heard)).asset_id


def _instant(message: RawMessage, heard: Heard) -> int:
    """When it was true what the message says; of a batch its first sample."""
    first = heard.readings[0].ts_us if heard.readings else None
    return message.received_us if first is None else first


def claims_of(message: RawMessage, heard: Heard) -> list[Claim]:
    """Identities a message takes: of each reading, or of itself by its number where it has none."""
    device_id = heard.uplink.device_id
    if heard.readings:
        return [_claim(device_id, heard, message, reading) for reading in heard.readings]
    at = _numbered(heard.boot_id, heard.seqs[0])
    return [
        Claim(device_id, f"#{heard.uplink.channel}", "", at, crc32(message.payload), message.received_us // HOUR_US)
    ]


def _claim(device_id: str, heard: Heard, message: RawMessage, reading: Reading) -> Claim:
    if reading.ts_us is None:
        at = _numbered(heard.boot_id, reading.seq)
        return Claim(device_id, "#no_clock", reading.part, at, reading.digest, message.received_us // HOUR_US)
    return Claim(device_id, reading.series, reading.part, reading.ts_us, reading.digest, reading.ts_us // HOUR_US)


def _numbered(boot_id: str | None, seq: int) -> int:
    return (crc32((boot_id or "").encode()) & 0x7FFFFFFF) << 32 | seq & 0xFFFFFFFF


def _seen_before(judgement: Judgement, claims: list[Claim], asset_id: str) -> Verdict:
    same = all(judgement.compare(claim) is Standing.DUPLICATE for claim in claims)
    return Verdict(Outcome.DUPLICATE if same else Outcome.CONFLICT, asset_id)


def _verdict(asset_id: str, standings: list[Standing]) -> Verdict:
    if not any(standings):
        return Verdict(Outcome.ACCEPTED, asset_id)
    if Standing.NEW in standings:
        return Verdict(Outcome.ACCEPTED, asset_id, standings=tuple(map(int, standings)))
    outcome = Outcome.CONFLICT if Standing.CONFLICT in standings else Outcome.DUPLICATE
    return Verdict(outcome, asset_id)
