"""Judges each message once: accepted, duplicate, conflict or dead letter; before any store sees it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from application.ports.identity import DedupIndex, DedupResult, DedupTransaction, SampleClaim
from devices.samples import RawMessage
from devices.sequence_ranges import SequenceRanges
from devices.time_us import HOUR_US, rfc3339
from devices.topics import UplinkTopic
from gateway.admission import admission_refusal
from gateway.binding_cache import BindingCache
from gateway.content_digest import digest_of_bytes
from gateway.decode import DecodedMessage, DecodedSample, RefusedMessage
from gateway.verdicts import MessageOutcome, MessageVerdict

MAX_SERIES_PER_DEVICE = 512
MANY_SERIES = 500_000
"""Of all devices together: from there on none gets more than `SERIES_WHEN_MANY`."""
SERIES_WHEN_MANY = 64
_BOOTS_REMEMBERED = 50_000
_NONE: frozenset[int] = frozenset()

Decoded = DecodedMessage | RefusedMessage


class _Pending(NamedTuple):
    """A message whose readings are claimed, until the answer is there."""

    number: int
    """Of the message in its batch."""
    asset_id: str
    first_claim: int
    claims: int
    refused: frozenset[int] = _NONE
    """Numbers of readings without a claim."""


class _Speaker(NamedTuple):
    """A device that always spoke for itself and for one asset, by the topic that it is registered with."""

    uplink: UplinkTopic
    accepted: MessageVerdict
    """One for all its messages."""


_Taken = tuple[MessageVerdict, list[SampleClaim], frozenset[int]]
"""Verdict while its claims are free, the claims, and numbers of readings without one."""


@dataclass(slots=True)
class _Begun:
    """Series that a device begins with a batch, whose claims are not made yet."""

    number: int = 0
    """At most, with those that it had."""
    unread: list[tuple[RawMessage, DecodedMessage]] = field(default_factory=list)
    series: set[tuple[str, str, str]] = field(default_factory=set)

    def too_many(self, judgement: DedupTransaction, message: RawMessage, heard: DecodedMessage, most: int) -> bool:
        """Whether it would have more than `most` with this message; looked at closely only where that may be."""
        known = judgement.part_count(heard.uplink.device_id)
        self.number += len(heard.readings) or 1
        if known + self.number <= most:
            self.unread.append((message, heard))
            return False
        for earlier in self.unread:
            self.series |= _new_series(judgement, *earlier)
        self.unread.clear()
        both = self.series | _new_series(judgement, message, heard)
        if len(both) > len(self.series) and known + len(both) > most:
            return True
        self.series = both
        return False


@dataclass(slots=True)
class JudgedBatch:
    """Verdicts of a batch, and the received numbers that it touched."""

    verdicts: list[MessageVerdict]
    touched: dict[tuple[str, str], SequenceRanges] = field(default_factory=dict)


class Deduplicator:
    """Holds the received numbers of the devices that speak; one thread."""

    def __init__(self, identity: DedupIndex, bindings: BindingCache) -> None:
        self._identity = identity
        self._bindings = bindings
        self._ranges: dict[tuple[str, str], SequenceRanges] = {}
        self._begun: dict[str, _Begun] = {}
        self._speakers: dict[str, _Speaker] = {}
        self._revision = -1
        """Of the bindings that `_speakers` follow from."""

    def judge(
        self, judgement: DedupTransaction, messages: Sequence[RawMessage], decoded: Sequence[Decoded]
    ) -> JudgedBatch:
        """Judge a batch in an open transaction."""
        if len(self._ranges) > _BOOTS_REMEMBERED:
            self._ranges.clear()
        judged = JudgedBatch([])
        self._begun.clear()
        self._follow_bindings()
        claims: list[SampleClaim] = []
        pending: list[_Pending] = []
        repeated: list[tuple[int, str, list[SampleClaim]]] = []
        for index, (message, heard) in enumerate(zip(messages, decoded, strict=True)):
            if isinstance(heard, RefusedMessage):
                # What is retained comes again at each subscribe; it was refused and counted when it was new.
                judged.verdicts.append(_unfit(message, heard.reason, heard.detail))
                continue
            taken = self._plain_claim(judgement, message, heard) or self._closely(judgement, message, heard)
            if isinstance(taken, MessageVerdict):
                judged.verdicts.append(taken)
                continue
            accepted, mine, barred = taken
            key = (heard.uplink.device_id, heard.boot_id or "")
            ranges = judged.touched[key] = self._ranges.get(key) or self._fetch(judgement, key)
            judged.verdicts.append(accepted)
            if not any(list(map(ranges.add, heard.seqs))):
                repeated.append((index, accepted.asset_id, mine))
                continue
            pending.append(_Pending(index, accepted.asset_id, len(claims), len(mine), barred))
            claims += mine
        standings = judgement.claim(claims)
        if any(standings) or any(p.refused for p in pending):
            for p in pending:
                claimed = standings[p.first_claim : p.first_claim + p.claims]
                judged.verdicts[p.number] = _verdict(p.asset_id, _with(claimed, p.refused))
        # After the claims: what it repeats may stand before it in the same batch.
        for index, asset_id, mine in repeated:
            judged.verdicts[index] = _seen_before(judgement, mine, asset_id)
        return judged

    def _follow_bindings(self) -> None:
        if self._revision != self._bindings.revision or len(self._speakers) > _BOOTS_REMEMBERED:
            self._speakers.clear()
            self._revision = self._bindings.revision

    def _plain_claim(self, judgement: DedupTransaction, message: RawMessage, heard: DecodedMessage) -> _Taken | None:
        """One more sample of a series that is there, by a device that may say it; None: look more closely."""
        if message.retained or len(heard.readings) != 1 or heard.boot_id is None:
            return None
        reading, uplink = heard.readings[0], heard.uplink
        speaker = self._speakers.get(uplink.device_id)
        if speaker is None or speaker.uplink is not uplink:
            speaker = self._learn(uplink)
        if speaker is None or reading.ts_us is None:
            return None
        claim = _claim(uplink.device_id, heard, message, reading)
        return (speaker.accepted, [claim], _NONE) if judgement.knows(claim) else None

    def _closely(
        self, judgement: DedupTransaction, message: RawMessage, heard: DecodedMessage
    ) -> _Taken | MessageVerdict:
        """What it takes, or its verdict where that needs no identity."""
        barred = self._barred(message, heard)
        if isinstance(barred, MessageVerdict):
            return barred
        owner = self._owner(judgement, message, heard)
        if isinstance(owner, MessageVerdict):
            return owner
        claims = _without(claims_of(message, heard), barred)
        return MessageVerdict(MessageOutcome.ACCEPTED, owner), claims, barred

    def _learn(self, uplink: UplinkTopic) -> _Speaker | None:
        bindings = self._bindings.of_device(uplink.device_id)
        if len(bindings) != 1 or uplink.connector_id or self._bindings.memberships(uplink.device_id):
            return None
        (only,) = bindings
        if only.until_us is not None or (only.tenant_id, only.kind) != (uplink.tenant_id, uplink.kind):
            return None
        speaker = _Speaker(uplink, MessageVerdict(MessageOutcome.ACCEPTED, only.asset_id))
        self._speakers[uplink.device_id] = speaker
        return speaker

    def again(self, judgement: DedupTransaction, decoded: Sequence[Decoded]) -> dict[tuple[str, str], SequenceRanges]:
        """Received numbers that messages judged before touched; whether their gaps were told is not known."""
        keys = {
            (h.uplink.device_id, h.boot_id) for h in decoded if isinstance(h, DecodedMessage) and h.boot_id is not None
        }
        found = {key: self._ranges.get(key) or self._fetch(judgement, key) for key in keys}
        found = {key: ranges for key, ranges in found.items() if ranges.ranges}
        for ranges in found.values():
            ranges.reported = -1
        return found

    def forget(self) -> None:
        """Drop what is remembered, after a transaction that failed."""
        self._ranges.clear()

    def _fetch(self, judgement: DedupTransaction, key: tuple[str, str]) -> SequenceRanges:
        ranges = self._ranges[key] = judgement.ranges([key]).get(key) or SequenceRanges()
        return ranges

    def _barred(self, message: RawMessage, heard: DecodedMessage) -> MessageVerdict | frozenset[int]:
        """The verdict where it was said by whom it must not be; or numbers of readings that were."""
        uplink = heard.uplink
        memberships = self._bindings.memberships(uplink.device_id)
        if not uplink.connector_id and not memberships:
            return _NONE
        found = admission_refusal(heard, message, memberships)
        return found if isinstance(found, frozenset) else _unfit(message, *found)

    def _owner(self, judgement: DedupTransaction, message: RawMessage, heard: DecodedMessage) -> MessageVerdict | str:
        """The asset a message counts for once its identity is free; or its verdict, where that needs no identity."""
        uplink, instant_us = heard.uplink, _instant(message, heard)
        bindings = self._bindings.of_device(uplink.device_id)
        if not bindings:
            return _unfit(message, "unregistered", "")
        binding = BindingCache.at(bindings, instant_us)
        if binding.until_us is not None and instant_us >= binding.until_us:
            return _unfit(message, "unregistered", f"spoke for {binding.asset_id} until {rfc3339(binding.until_us)}")
        if binding.kind != uplink.kind or binding.tenant_id != uplink.tenant_id:
            return _unfit(message, "wrong_topic", f"registered as {binding.tenant_id}/{binding.kind}")
        if message.retained or heard.boot_id is None or not heard.seqs:
            return MessageVerdict(
                MessageOutcome.RETAINED if message.retained else MessageOutcome.ACCEPTED, binding.asset_id
            )
        most = MAX_SERIES_PER_DEVICE if judgement.series_count() < MANY_SERIES else SERIES_WHEN_MANY
        if self._begun.setdefault(uplink.device_id, _Begun()).too_many(judgement, message, heard, most):
            return _unfit(message, "too_many_parts", f"more than {most} parts and events")
        return binding.asset_id


def _unfit(message: RawMessage, reason: str, detail: str) -> MessageVerdict:
    return MessageVerdict(
        MessageOutcome.RETAINED if message.retained else MessageOutcome.DEAD_LETTER, "", reason, detail
    )


def _instant(message: RawMessage, heard: DecodedMessage) -> int:
    """When it was true what the message says; of a batch its first sample."""
    first = heard.readings[0].ts_us if heard.readings else None
    return message.received_us if first is None else first


def claims_of(message: RawMessage, heard: DecodedMessage) -> list[SampleClaim]:
    """Identities a message takes: of each reading, or of itself by its number where it has none."""
    device_id = heard.uplink.device_id
    if heard.readings:
        return [_claim(device_id, heard, message, reading) for reading in heard.readings]
    at = _numbered(heard.boot_id, heard.seqs[0])
    digest, hour = digest_of_bytes(message.payload), message.received_us // HOUR_US
    return [SampleClaim(device_id, f"#{heard.uplink.channel}", "", at, digest, hour)]


def _claim(device_id: str, heard: DecodedMessage, message: RawMessage, reading: DecodedSample) -> SampleClaim:
    if reading.ts_us is None:
        at = _numbered(heard.boot_id, reading.seq)
        return SampleClaim(device_id, "#no_clock", reading.part, at, reading.digest, message.received_us // HOUR_US)
    return SampleClaim(device_id, reading.series, reading.part, reading.ts_us, reading.digest, reading.ts_us // HOUR_US)


def _new_series(judgement: DedupTransaction, message: RawMessage, heard: DecodedMessage) -> set[tuple[str, str, str]]:
    return {claim[:3] for claim in claims_of(message, heard) if not judgement.knows(claim)}


def _numbered(boot_id: str | None, seq: int) -> int:
    """A number of 64 bits for one of a boot; two long ones would not fit side by side."""
    return digest_of_bytes(f"{boot_id} {seq}".encode())


def _seen_before(judgement: DedupTransaction, claims: list[SampleClaim], asset_id: str) -> MessageVerdict:
    same = all(judgement.compare(claim) is DedupResult.DUPLICATE for claim in claims)
    return MessageVerdict(MessageOutcome.DUPLICATE if same else MessageOutcome.CONFLICT, asset_id)


def _without(claims: list[SampleClaim], refused: frozenset[int]) -> list[SampleClaim]:
    return [claim for n, claim in enumerate(claims) if n not in refused] if refused else claims


def _with(standings: list[DedupResult], refused: frozenset[int]) -> list[DedupResult]:
    """Put what is refused back between those that have a claim."""
    if not refused:
        return standings
    rest = iter(standings)
    return [DedupResult.REFUSED if n in refused else next(rest) for n in range(len(standings) + len(refused))]


def _verdict(asset_id: str, standings: list[DedupResult]) -> MessageVerdict:
    if not any(standings):
        return MessageVerdict(MessageOutcome.ACCEPTED, asset_id)
    if DedupResult.NEW in standings or DedupResult.REFUSED in standings:
        return MessageVerdict(MessageOutcome.ACCEPTED, asset_id, standings=tuple(map(int, standings)))
    outcome = MessageOutcome.CONFLICT if DedupResult.CONFLICT in standings else MessageOutcome.DUPLICATE
    return MessageVerdict(outcome, asset_id)
