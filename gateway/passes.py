"""A pass: some journal batches of one lane, decoded and judged together."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
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
    plain: bool
    """One sample, accepted, and nothing else to see to."""


@dataclass(frozen=True)
class Pass:
    """What one turn of a cursor works on; batches `first` to `last` without a hole."""

    lane: str
    first: int
    last: int
    items: tuple[Item, ...]
    touched: dict[tuple[str, str], SeqRanges] = field(default_factory=dict)

    @cached_property
    def special(self) -> Sequence[Item]:
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
            if item.verdict.outcome is Outcome.ACCEPTED and isinstance(item.heard, Heard) and item.heard.readings
        )
        return self.plain + Counter(special)


def items_of(batch: Batch, decoded: list[Heard | Refused], verdicts: list[Verdict]) -> Iterator[Item]:
    """Join what belongs together."""
    for index, (message, heard, verdict) in enumerate(zip(batch.messages, decoded, verdicts, strict=True)):
        samples = _samples(message, heard, verdict)
        plain = len(samples) == 1 and not verdict.standings and isinstance(heard, Heard) and not heard.refused
        yield Item(batch.batch_id, index, message, heard, verdict, samples, plain)


def _samples(message: RawMessage, heard: Heard | Refused, verdict: Verdict) -> tuple[Sample, ...]:
    if verdict.outcome is not Outcome.ACCEPTED or isinstance(heard, Refused):
        return ()
    numbers, standings = range(len(heard.readings)), verdict.standings
    if standings:
        return tuple(_sample(message, heard, verdict, n) for n in numbers if standings[n] == Standing.NEW)
    return tuple([_sample(message, heard, verdict, n) for n in numbers])


def _sample(message: RawMessage, heard: Heard, verdict: Verdict, number: int) -> Sample:
    uplink, reading = heard.uplink, heard.readings[number]
    return Sample(
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
