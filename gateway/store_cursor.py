"""The store cursor: follows effects and writes accepted samples to the telemetry store; never waits for anyone else."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

from application.lending import AssetOwnership
from application.ports.cursor_positions import CursorPositions
from application.ports.dead_letters import DeadLetter, DeadLetters
from application.ports.loans import LoanRepository
from application.ports.message_ledger import MessageLedger
from application.ports.registry import Registry, RegistryTransaction
from application.ports.telemetry import TelemetryWriter
from devices.errors import SamplesRefused, StoreUnavailable
from devices.samples import Sample
from devices.time_us import rfc3339
from gateway.batch import MessageBatch, items_of
from gateway.decode import MessageDecoder
from gateway.journal_lane import JournalLane
from gateway.store_queue import StoreParcel, StoreQueue
from gateway.verdicts import load_verdicts

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
        lane: JournalLane,
        handover: StoreQueue,
        verdicts: VerdictReader,
        decoder: MessageDecoder,
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
            self.position = tx.get(CursorPositions).get(f"store/{lane.key}")
        self._at_most = WRITE_AT_MOST
        self.stored_samples = 0
        self.refused_samples = 0
        self.from_journal = 0

    def store_due(self) -> int:
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

    def _gather(self) -> StoreParcel | None:
        samples: list[Sample] = []
        messages: Counter[str] = Counter()
        last = self.position
        while len(samples) < self._at_most:
            parcel = self._handover.take_after(last) or self._from_journal(last)
            if parcel is None:
                break
            samples += parcel.samples
            messages.update(parcel.messages)
            last = parcel.last
        return None if last == self.position else StoreParcel(self.position + 1, last, samples, dict(messages))

    def _from_journal(self, after: int) -> StoreParcel | None:
        if after >= self._handover.through:
            return None
        batch = self._lane.reader.read(after)
        if batch is None or batch.batch_id > self._handover.through:
            return None
        verdicts = load_verdicts(self._verdicts.verdicts(self._lane.key, batch.batch_id))
        decoded = [self._decoder.decode(message) for message in batch.messages]
        items = tuple(items_of(batch, decoded, verdicts))
        done = MessageBatch(self._lane.key, batch.batch_id, batch.batch_id, items)
        self.from_journal += 1
        return StoreParcel(done.first, done.last, [s for i in items for s in i.samples], done.sampled_messages())

    def _write(self, samples: Sequence[Sample]) -> dict[int, str]:
        if not samples:
            return {}
        try:
            self._writer.write(samples)
        except SamplesRefused as error:
            return error.refused
        return {}

    def _advance(self, parcel: StoreParcel, refused: dict[int, str]) -> None:
        counts = Counter({(kind, "messages", "stored"): number for kind, number in parcel.messages.items()})
        for kind, number in Counter(sample.kind for sample in parcel.samples).items():
            counts[kind, "samples", "stored"] += number
        for index in refused:
            kind = parcel.samples[index].kind
            counts[kind, "samples", "stored"] -= 1
            counts[kind, "samples", "accepted"] -= 1
            counts[kind, "samples", "dead_letter"] += 1
        with self._registry.write() as tx:
            tx.get(CursorPositions).set(f"store/{self._lane.key}", parcel.last)
            if counts:
                tx.get(MessageLedger).count(counts)
            if refused:
                tx.get(DeadLetters).add(list(self._letters(tx, parcel, refused)))
        self.position = parcel.last

    def _letters(self, tx: RegistryTransaction, parcel: StoreParcel, refused: dict[int, str]) -> Iterator[DeadLetter]:
        loans = tx.get(LoanRepository).of_assets({parcel.samples[i].asset_id for i in refused})
        for index, why in refused.items():
            sample = parcel.samples[index]
            holder = AssetOwnership(sample.tenant_id, loans.get(sample.asset_id, ())).at(sample.ts_us)
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
