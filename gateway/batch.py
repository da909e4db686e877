"""A pass: some journal batches of one lane, decoded and judged together."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from application.ports.identity import DedupResult
from application.ports.journal import JournalBatch
from devices.samples import RawMessage, Sample
from devices.sequence_ranges import SequenceRanges
from gateway.decode import DecodedMessage, RefusedMessage
from gateway.verdicts import MessageOutcome, MessageVerdict


class BatchItem(NamedTuple):
    """One message of a pass with all that is known of it."""

    batch_id: int
    number: int
    message: RawMessage
    heard: DecodedMessage | RefusedMessage
    verdict: MessageVerdict
    samples: tuple[Sample, ...]
    """What is to be stored of it; empty for all that is no accepted telemetry or event."""
    plain: bool
    """One sample, accepted, and nothing else to see to."""


@dataclass(frozen=True)
class MessageBatch:
    """What one turn of a cursor works on; batches `first` to `last` without a hole."""

    lane: str
    first: int
    last: int
    items: tuple[BatchItem, ...]
    touched: dict[tuple[str, str], SequenceRanges] = field(default_factory=dict)

    @cached_property
    def special(self) -> Sequence[BatchItem]:
        """All but the plain ones, which are nearly all."""
        return [item for item in self.items if not item.plain]

    @cached_property
    def plain(self) -> Counter[str]:
        """How many plain messages there are of each kind."""
        return Counter(item.samples[0].kind for item in self.items if item.plain)

    def sampled_messages(self) -> dict[str, int]:
        """How many accepted messages of each kind carry samples, and so wait for the store."""
        special = (
            item.heard.uplink.kind
            for item in self.special
            if item.verdict.outcome is MessageOutcome.ACCEPTED
            and isinstance(item.heard, DecodedMessage)
            and item.heard.readings
        )
        return self.plain + Counter(special)


def items_of(
    batch: JournalBatch,
    decoded: list[DecodedMessage | RefusedMessage],
    verdicts: list[MessageVerdict],
    given: Callable[[tuple[Sample, ...]], tuple[Sample, ...]] | None = None,
) -> Iterator[BatchItem]:
    """Join what belongs together; `given` says whose the samples of a message are, where anything is lent."""
    batch_id, accepted = batch.batch_id, MessageOutcome.ACCEPTED
    for index, (message, heard, verdict) in enumerate(zip(batch.messages, decoded, verdicts, strict=True)):
        if verdict.outcome is not accepted or isinstance(heard, RefusedMessage):
            yield BatchItem(batch_id, index, message, heard, verdict, (), False)  # noqa: FBT003 - one of each message
            continue
        standings, readings = verdict.standings, heard.readings
        if len(readings) == 1 and not standings:
            samples: tuple[Sample, ...] = (_sample(message, heard, verdict, 0),)
        else:
            samples = _samples(message, heard, verdict)
        if given is not None:
            samples = given(samples)
        plain = len(samples) == 1 and not standings and not heard.refused
        yield BatchItem(batch_id, index, message, heard, verdict, samples, plain)


def _samples(message: RawMessage, heard: DecodedMessage, verdict: MessageVerdict) -> tuple[Sample, ...]:
    numbers, standings = range(len(heard.readings)), verdict.standings
    if standings:
        return tuple(_sample(message, heard, verdict, n) for n in numbers if standings[n] == DedupResult.NEW)
    return tuple([_sample(message, heard, verdict, n) for n in numbers])


def _sample(message: RawMessage, heard: DecodedMessage, verdict: MessageVerdict, number: int) -> Sample:
    uplink = heard.uplink
    series, part, ts_us, _, values, suspect, _ = heard.readings[number]
    received_us = message.received_us
    if ts_us is None:
        # Clockless samples of one message are a microsecond apart: the same instant would be the same sample.
        # Equal times are the mark of a sample without a clock, also of the later ones of a batch.
        ts_us = received_us = received_us + number
    return Sample(
        verdict.asset_id, uplink.kind, uplink.tenant_id, series, part, ts_us, received_us, values, bool(suspect)
    )
