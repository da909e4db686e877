"""The store cursor: follows effects and writes accepted samples to the telemetry store; never waits for anyone else."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

from devices.errors import SamplesRefused, StoreUnavailable
from devices.instants import rfc3339
from devices.lending import Ownership
from devices.ports.books import DeadLetter, DeadLetters, Ledger, Positions
from devices.ports.loans import Loans
from devices.ports.registry import Registry, Transaction
from devices.ports.telemetry import TelemetryWriter
from devices.samples import Sample
from gateway.decode import Decoder
from gateway.handover import HandOver, Parcel
from gateway.lane import Lane
from gateway.passes import Pass, items_of
from gateway.verdicts import load

WRITE_AT_MOST = 5000
TRY_AT_MOST = 500
"""While the store is away: each try reads this many again from the journal."""


class VerdictReader(Protocol):
    """Reads how batches were judged, from the store cursor's thread."""

    def verdicts(self, lane: str, batch_id: int) -> bytes:
        """How a judged batch was judged."""


class StoreCursor:
    """One per lane; stepped by one thread."""

    def __init__(
        self,
        *,
        lane: Lane,
        handover: HandOver,
        verdicts: VerdictReader,
        decoder: Decoder,
        registry: Registry,
        writer: TelemetryWriter,
    ) -> None:
        self._lane = lane
        self._handover = handover
        self._verdicts = verdicts
        self._decoder = decoder
        self._registry = registry
        self._writer = writer
        with registry.read() as tx:
            self.position = tx.get(Positions).get(f"store/{lane.key}")
        self._at_most = WRITE_AT_MOST
        self.stored_samples = 0
        self.refused_samples = 0
        self.from_journal = 0

    def step(self) -> int:
        """Store what is due; returns how many samples. After StoreUnavailable, RegistryUnavailable nothing moved."""
        parcel = self._gather()
        if parcel is None:
            return 0
        try:
            refused = self._write(parcel.samples)
        except StoreUnavailable:
            self._away(away=True)
            raise
        self._away(away=False)
        self._advance(parcel, refused)
        self.stored_samples += len(parcel.samples) - len(refused)
        self.refused_samples += len(refused)
        return len(parcel.samples)

    def _away(self, *, away: bool) -> None:
        if away != (self._at_most == TRY_AT_MOST):
            self._at_most = TRY_AT_MOST if away else WRITE_AT_MOST
            self._handover.tell(away=away)

    def _gather(self) -> Parcel | None:
        samples: list[Sample] = []
        messages: Counter[str] = Counter()
        last = self.position
        while len(samples) < self._at_most:
            parcel = self._handover.take(last) or self._from_journal(last)
            if parcel is None:
                break
            samples += parcel.samples
            messages.update(parcel.messages)
            last = parcel.last
        return None if last == self.position else Parcel(self.position + 1, last, samples, dict(messages))

    def _from_journal(self, after: int) -> Parcel | None:
        if after >= self._handover.through:
            return None
        batch = self._lane.reader.read(after)
        if batch is None or batch.batch_id > self._handover.through:
            return None
        verdicts = load(self._verdicts.verdicts(self._lane.key, batch.batch_id))
        decoded = [self._decoder.decode(message) for message in batch.messages]
        items = tuple(items_of(batch, decoded, verdicts))
        done = Pass(self._lane.key, batch.batch_id, batch.batch_id, items)
        self.from_journal += 1
        return Parcel(done.first, done.last, [s for i in items for s in i.samples], done.sampled_messages())

    def _write(self, samples: Sequence[Sample]) -> dict[int, str]:
        if not samples:
            return {}
        try:
            self._writer.write(samples)
        except SamplesRefused as error:
            return error.refused
        return {}

    def _advance(self, parcel: Parcel, refused: dict[int, str]) -> None:
        counts = Counter({(kind, "messages", "stored"): number for kind, number in parcel.messages.items()})
        for kind, number in Counter(sample.kind for sample in parcel.samples).items():
            counts[kind, "samples", "stored"] += number
        for index in refused:
            kind = parcel.samples[index].kind
            counts[kind, "samples", "stored"] -= 1
            counts[kind, "samples", "accepted"] -= 1
            counts[kind, "samples", "dead_letter"] += 1
        with self._registry.write() as tx:
            tx.get(Positions).set(f"store/{self._lane.key}", parcel.last)
            if counts:
                tx.get(Ledger).count(counts)
            if refused:
                tx.get(DeadLetters).add(list(self._letters(tx, parcel, refused)))
        self.position = parcel.last

    def _letters(self, tx: Transaction, parcel: Parcel, refused: dict[int, str]) -> Iterator[DeadLetter]:
        loans = tx.get(Loans).of_assets({parcel.samples[i].asset_id for i in refused})
        for index, why in refused.items():
            sample = parcel.samples[index]
            holder = Ownership(sample.tenant_id, loans.get(sample.asset_id, ())).at(sample.ts_us)
            yield _letter(self._lane.key, sample._replace(tenant_id=holder), why)


def _letter(lane: str, sample: Sample, why: str) -> DeadLetter:
    where = f"{sample.asset_id}-{sample.series}-{sample.part}-{sample.ts_us}"
    return DeadLetter(
        f"{lane}-store-{where}",
        sample.received_us,
        b"",
        repr(dict(sample.values)).encode()[:4096],
        "store_refused",
        f"{where} at {rfc3339(sample.ts_us)}: {why}"[:500],
        sample.tenant_id,
        sample.kind,
        sample.asset_id,
    )
