"""The store cursor writes what was accepted, counts it once, and begins again where it stood after any failure."""

from collections.abc import Sequence

import pytest

from devices.errors import RegistryUnavailable, SamplesRefused, StoreUnavailable
from devices.samples import Sample
from gateway.journal_lane import JournalLane
from gateway.store_cursor import StoreCursor
from gateway.store_queue import StoreParcel, StoreQueue
from gateway.verdicts import MessageOutcome, MessageVerdict, dump_verdicts
from tests.unit.gateway.fakes import DECODER, MemoryIdentity, MemoryJournal, MemoryRegistry, message


class MemoryWriter:
    """`TelemetryWriter` that fails as told."""

    def __init__(self) -> None:
        self.stored: dict[int, Sample] = {}
        self.fails: list[Exception] = []
        self.refuses: set[int] = set()

    def write(self, samples: Sequence[Sample]) -> None:
        if self.fails:
            raise self.fails.pop()
        refused = {i: "no" for i, s in enumerate(samples) if s.ts_us in self.refuses}
        self.stored |= {s.ts_us: s for i, s in enumerate(samples) if i not in refused}
        if refused:
            raise SamplesRefused(refused)


class Town:
    """A store cursor over three batches of two messages that effects has done."""

    def __init__(self) -> None:
        self.registry, self.writer, self.handover = MemoryRegistry(), MemoryWriter(), StoreQueue()
        self.identity = MemoryIdentity()
        self.journal = MemoryJournal(*[[message(2 * n), message(2 * n + 1)] for n in range(3)])
        for batch_id in self.journal.batches:
            self.identity.put_verdicts(
                "lane", batch_id, dump_verdicts([MessageVerdict(MessageOutcome.ACCEPTED, "a-l1")] * 2)
            )
        self.handover.through = 3
        self.cursor = self.opened()

    def opened(self) -> StoreCursor:
        return StoreCursor(
            lane=JournalLane("lane", self.journal, lambda _: None),  # type: ignore[arg-type]
            handover=self.handover,
            verdicts=self.identity,  # type: ignore[arg-type]
            decoder=DECODER,
            registry=self.registry,
            writer=self.writer,  # type: ignore[arg-type]
        )

    def counted(self) -> dict[str, int]:
        return {f"{unit} {column}": n for (_, unit, column), n in self.registry.books.counts.items()}


@pytest.fixture
def town() -> Town:
    return Town()


ALL = {"messages stored": 6, "samples stored": 6}


def test_what_the_handover_has_not_is_read_from_the_journal(town: Town) -> None:
    assert town.cursor.store_due() == 6
    assert town.cursor.store_due() == 0
    assert (len(town.writer.stored), town.counted(), town.cursor.from_journal) == (6, ALL, 3)
    assert town.registry.books.positions["store/lane"] == 3


def test_it_never_overtakes_effects(town: Town) -> None:
    town.handover.through = 1
    assert town.cursor.store_due() == 2
    assert town.cursor.position == 1


@pytest.mark.parametrize("times", [1, 5])
def test_store_away_moves_nothing_and_loses_nothing(town: Town, times: int) -> None:
    town.handover.put(StoreParcel(1, 1, [], {}))
    town.writer.fails = [StoreUnavailable("away")] * times
    for _ in range(times):
        with pytest.raises(StoreUnavailable):
            town.cursor.store_due()
    assert (town.cursor.position, town.counted()) == (0, {})
    town.cursor.store_due()
    assert (len(town.writer.stored), town.counted()) == (6, ALL)


def test_registry_away_after_the_write_counts_once(town: Town) -> None:
    town.registry.broken = 1
    with pytest.raises(RegistryUnavailable):
        town.cursor.store_due()
    town.cursor = town.opened()
    town.cursor.store_due()
    assert (len(town.writer.stored), town.counted()) == (6, ALL)


def test_refused_sample_is_a_dead_letter_and_no_longer_awaited(town: Town) -> None:
    bad = DECODER.decode(message(3)).readings[0].ts_us  # type: ignore[union-attr]
    town.writer.refuses = {bad or 0}
    town.cursor.store_due()
    assert town.counted() == {
        "messages stored": 6,
        "samples stored": 5,
        "samples accepted": -1,
        "samples dead_letter": 1,
    }
    (letter,) = town.registry.books.letters.values()
    assert (letter.reason, letter.device_id) == ("store_refused", "a-l1")
