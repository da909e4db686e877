"""A pass: some journal batches of one lane, decoded and judged together."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from devices.ports.identity import Standing
from devices.ports.journal import Batch
from devices.samples import RawMessage, Sample
from devices.sequence import SeqRanges
from gateway.decode import Heard, Refused
from gateway.verdicts import Outcome, Verdict


class Item(NamedTuple):
    """One message of a pass with all that is known of it."""

    batch_id: int
    number: int
    message: RawMessage
    heard: Heard | Refused
    verdict: Verdict
    samples: tuple[Sample, ...]
    """What is to be stored of it; empty for all that is no accepted telemetry or event."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What one turn of a cursor works on; batches `first` to `last` without a hole."""

    lane: str
    first: int
    last: int
    items: tuple[Item, ...]
    touched: dict[tuple[str, str], SeqRanges]


def items_of(batch: Batch, decoded: list[Heard | Refused], verdicts: list[Verdict]) -> Iterator[Item]:
    """Join what belongs together."""
    for index, (message, heard, verdict) in enumerate(zip(batch.messages, decoded, verdicts, strict=True)):
        yield Item(batch.batch_id, index, message, heard, verdict, _samples(message, heard, verdict))


def _samples(message: RawMessage, heard: Heard | Refused, verdict: Verdict) -> tuple[Sample, ...]:
    if verdict.outcome is not Outcome.ACCEPTED or isinstance(heard, Refused):
        return ()
    uplink = heard.uplink
    standings = verdict.standings
    samples = [
        Sample(
            verdict.asset_id,
            uplink.kind,
            uplink.tenant_id,
            reading.series,
            reading.part,
            # Clockless samples of one message are a microsecond apart: the same instant would be the same sample.
            message.received_us + number if reading.ts_us is None else reading.ts_us,
            # Equal times are the mark of a sample without a clock, also of the later ones of a batch.
            message.received_us + number if reading.ts_us is None else message.received_us,
            reading.values,
            bool(reading.suspect),
        )
        for number, reading in enumerate(heard.readings)
        if not standings or standings[number] == Standing.NEW
    ]
    return tuple(samples)


def sampled_messages(items: Iterable[Item]) -> dict[str, int]:
    """How many accepted messages of each kind carry samples, and so wait for the store."""
    return Counter(
        item.heard.uplink.kind
        for item in items
        if item.verdict.outcome is Outcome.ACCEPTED and isinstance(item.heard, Heard) and item.heard.readings
    )
