"""What effects hands to the store: each batch once, whoever is faster."""

from gateway.store_queue import StoreParcel, StoreQueue


def parcel(first: int, last: int, samples: int = 1) -> StoreParcel:
    return StoreParcel(first, last, ["sample"] * samples, {"lamp": 1})  # type: ignore[list-item]


def test_passes_come_in_order() -> None:
    handover = StoreQueue()
    handover.put(parcel(1, 3))
    handover.put(parcel(4, 4))
    assert handover.take_after(0) == parcel(1, 3)
    assert handover.take_after(3) == parcel(4, 4)
    assert handover.take_after(4) is None
    assert handover.through == 4


def test_pass_that_the_store_began_from_the_journal_is_not_counted_twice() -> None:
    handover = StoreQueue()
    handover.put(parcel(5, 8))
    handover.put(parcel(9, 9))
    assert handover.take_after(5) is None
    assert handover.take_after(8) == parcel(9, 9)


def test_nothing_is_held_while_the_store_is_away() -> None:
    handover = StoreQueue()
    handover.put(parcel(1, 1))
    handover.tell(away=True)
    handover.put(parcel(2, 2))
    assert (handover.take_after(0), handover.take_after(1), handover.through) == (None, None, 2)
    handover.tell(away=False)
    handover.put(parcel(3, 3))
    assert handover.take_after(2) == parcel(3, 3)


def test_what_does_not_fit_is_left_to_the_journal_and_room_comes_back() -> None:
    handover = StoreQueue(bound_samples=10)
    handover.put(parcel(1, 1, samples=8))
    handover.put(parcel(2, 2, samples=8))
    handover.put(parcel(3, 3, samples=2))
    assert handover.through == 3
    assert handover.take_after(0) == parcel(1, 1, samples=8)
    assert handover.take_after(1) is None
    assert handover.take_after(2) == parcel(3, 3, samples=2)
    handover.put(parcel(4, 4, samples=10))
    assert handover.take_after(3) == parcel(4, 4, samples=10)


def test_one_pass_larger_than_the_bound_is_held_when_nothing_else_is() -> None:
    handover = StoreQueue(bound_samples=10)
    handover.put(parcel(1, 1, samples=50))
    assert handover.take_after(0) == parcel(1, 1, samples=50)
