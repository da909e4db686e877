"""The effects cursor: judged once, applied once, whatever fails between."""

import pytest

from application.ports.cursor_positions import CursorPositions
from devices.errors import RegistryUnavailable
from devices.samples import RawMessage, Sample
from gateway.batch import MessageBatch
from gateway.binding_cache import BindingCache
from gateway.effects.cursor import EffectsCursor
from gateway.effects.ledger_counts import ledger_increments, sequence_gaps
from gateway.journal_lane import JournalLane
from gateway.store_queue import StoreQueue
from gateway.verdicts import load_verdicts
from tests.unit.gateway.fakes import DECODER, NOW_US, MemoryIdentity, MemoryJournal, MemoryRegistry, message


class Books:
    """In place of `Apply`: counts and gaps in one transaction with the position."""

    def __init__(self, registry: MemoryRegistry) -> None:
        self.registry = registry
        self.missing: dict[str, int] = {}

    def __call__(self, done: MessageBatch, now_us: int) -> list[Sample]:
        with self.registry.write() as tx:
            tx.books.count(ledger_increments(done))
            told = sequence_gaps(done)
            tx.get(CursorPositions).set(f"effects/{done.lane}", done.last)
        self.missing |= {gap.device_id: gap.missing for gap in told}
        return [sample for item in done.items for sample in item.samples]


class Town:
    """A cursor over a journal, opened again as after a kill."""

    def __init__(self, *batches: list[RawMessage]) -> None:
        self.registry, self.identity = MemoryRegistry(), MemoryIdentity()
        self.registry.inventory.register("l1")
        self.journal = MemoryJournal(*batches)
        self.books = Books(self.registry)
        self.open()

    def open(self) -> None:
        self.released: list[int] = []
        self.handover = StoreQueue()
        self.cursor = EffectsCursor(
            lanes=[(JournalLane("lane", self.journal, self.released.append), self.handover)],  # type: ignore[arg-type]
            decoder=DECODER,
            identity=self.identity,
            registry=self.registry,
            bindings=BindingCache(),
            apply=self.books,  # type: ignore[arg-type]
            now_us=lambda: NOW_US,
        )

    def counted(self) -> dict[str, int]:
        return {column: n for (_, unit, column), n in self.registry.books.counts.items() if unit == "messages"}


SOME = ([message(1), message(2)], [message(2), message(5)])


def test_pass_is_judged_applied_handed_over_and_released() -> None:
    town = Town(*SOME)
    assert (town.cursor.run_pass(), town.cursor.run_pass()) == (4, 0)
    assert town.counted() == {"received": 4, "accepted": 3, "duplicate": 1}
    parcel = town.handover.take_after(0)
    assert parcel is not None
    assert (parcel.last, len(parcel.samples), parcel.messages) == (2, 3, {"lamp": 3})
    town.cursor.release({"lane": 1})
    assert town.released == [1]
    town.cursor.release({"lane": 1})
    assert town.released == [1]
    assert town.identity.verdicts("lane", 1) is None
    assert town.identity.verdicts("lane", 2) is not None


@pytest.mark.parametrize("killed", [False, True])
def test_registry_away_after_judging_counts_once_and_still_tells_the_gap(killed: bool) -> None:  # noqa: FBT001
    town = Town(*SOME)
    town.registry.broken = 1
    with pytest.raises(RegistryUnavailable):
        town.cursor.run_pass()
    assert (town.counted(), town.identity.judged_through("lane")) == ({}, 2)
    if killed:
        town.open()
    town.cursor.run_pass()
    assert town.counted() == {"received": 4, "accepted": 3, "duplicate": 1}
    assert town.books.missing == {"l1": 2}


def test_killed_before_a_closed_gap_was_told_it_is_told_closed() -> None:
    town = Town(*SOME)
    town.cursor.run_pass()
    town.journal.batches[3] = [message(3), message(4)]
    town.registry.broken = 1
    with pytest.raises(RegistryUnavailable):
        town.cursor.run_pass()
    town.open()
    town.cursor.run_pass()
    assert town.books.missing == {"l1": 0}


def test_lost_identities_are_made_anew_for_what_waits_for_the_store() -> None:
    town = Town(*SOME)
    town.cursor.run_pass()
    town.registry.books.set("store/lane", 1)
    town.identity = MemoryIdentity()
    town.open()
    verdicts = town.identity.verdicts("lane", 2)
    assert verdicts is not None
    assert len(load_verdicts(verdicts)) == 2
    assert town.identity.verdicts("lane", 1) is None
    assert town.cursor.run_pass() == 0
    assert town.counted()["received"] == 4


def test_first_lane_goes_before_the_others() -> None:
    town = Town(*SOME)
    slow = MemoryJournal([message(9)])
    both = [
        (JournalLane("control", slow, lambda _: None), StoreQueue()),  # type: ignore[arg-type]
        (JournalLane("lane", town.journal, lambda _: None), StoreQueue()),  # type: ignore[arg-type]
    ]
    cursor = EffectsCursor(
        lanes=both,
        decoder=DECODER,
        identity=town.identity,
        registry=town.registry,
        bindings=BindingCache(),
        apply=town.books,  # type: ignore[arg-type]
        now_us=lambda: NOW_US,
    )
    assert cursor.run_pass() == 1
    slow.batches[2] = [message(10)]
    assert (cursor.run_pass(), cursor.run_pass(), cursor.run_pass()) == (1, 4, 0)
