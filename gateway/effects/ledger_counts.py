"""Ledger increments and gaps of a pass."""

from collections import Counter
from typing import Final

from application.ports.identity import DedupResult
from application.ports.message_ledger import SequenceGap
from devices.sequence_ranges import SequenceRanges
from gateway.batch import BatchItem, MessageBatch
from gateway.decode import DecodedMessage, RefusedMessage
from gateway.verdicts import MessageOutcome

Increments = Counter[tuple[str, str, str]]
_COLUMNS: Final = {
    DedupResult.NEW: "accepted",
    DedupResult.DUPLICATE: "duplicate",
    DedupResult.CONFLICT: "conflict",
    DedupResult.REFUSED: "dead_letter",
}


def ledger_increments(done: MessageBatch) -> Increments:
    """Count messages and samples by kind and outcome; what needs no store is stored with this transaction."""
    counts: Increments = Counter()
    for item in done.special:
        if item.verdict.outcome is not MessageOutcome.RETAINED:
            _count(counts, item)
    for kind, number in done.plain.items():
        for unit in ("messages", "samples"):
            counts[kind, unit, "received"] += number
            counts[kind, unit, "accepted"] += number
    return counts


def kind_of(item: BatchItem) -> str:
    """Kind by the topic; `-` where it names none of ours."""
    uplink = item.heard.uplink
    unknown = isinstance(item.heard, RefusedMessage) and item.heard.reason == "unknown_kind"
    return "-" if uplink is None or unknown else uplink.kind


def _count(counts: Increments, item: BatchItem) -> None:
    kind, outcome, heard = kind_of(item), item.verdict.outcome, item.heard
    counts[kind, "messages", "received"] += 1
    if outcome is MessageOutcome.ACCEPTED:
        counts[kind, "messages", "accepted"] += 1
        if isinstance(heard, DecodedMessage) and not heard.readings:
            counts[kind, "messages", "stored"] += 1
    else:
        counts[kind, "messages", outcome.value] += 1
    if isinstance(heard, RefusedMessage):
        return
    refused = len(heard.refused)
    number = len(heard.readings) + refused
    if number:
        counts[kind, "samples", "received"] += number
        _count_samples(counts, kind, item, heard)
    if refused:
        counts[kind, "samples", "dead_letter"] += refused


def _count_samples(counts: Increments, kind: str, item: BatchItem, heard: DecodedMessage) -> None:
    standings, outcome = item.verdict.standings, item.verdict.outcome
    column = "accepted" if outcome is MessageOutcome.ACCEPTED else outcome.value
    if not standings:
        counts[kind, "samples", column] += len(heard.readings)
        return
    for standing in standings:
        counts[kind, "samples", _COLUMNS[DedupResult(standing)]] += 1


def sequence_gaps(done: MessageBatch) -> list[SequenceGap]:
    """State of the received numbers of each device and boot of which more, or less, is missing than was told."""
    changed = {key: ranges for key, ranges in done.touched.items() if ranges.missing != ranges.reported}
    if not changed:
        return []
    newest = {
        (item.heard.uplink.device_id, item.heard.boot_id): item
        for item in done.items
        if isinstance(item.heard, DecodedMessage) and item.heard.boot_id is not None
    }
    return [_gap(newest[key], key, ranges) for key, ranges in changed.items()]


def _gap(item: BatchItem, key: tuple[str, str], ranges: SequenceRanges) -> SequenceGap:
    device_id, boot_id = key
    uplink = item.heard.uplink
    ranges.reported = ranges.missing
    return SequenceGap(
        device_id=device_id,
        kind=kind_of(item),
        tenant_id=uplink.tenant_id if uplink is not None else "",
        boot_id=boot_id,
        first_seq=ranges.ranges[0][0],
        last_seq=ranges.ranges[-1][1],
        received=ranges.received,
        missing=ranges.reported,
        at_us=item.message.received_us,
    )
