"""Received numbers, against a plain set."""

from hypothesis import given
from hypothesis import strategies as st

from devices.sequence_ranges import SequenceRanges


@given(st.lists(st.integers(0, 60), max_size=120))
def test_ranges_agree_with_a_set(numbers: list[int]) -> None:
    ranges, seen = SequenceRanges(), set[int]()
    for number in numbers:
        assert ranges.add(number) is (number not in seen)
        seen.add(number)
    assert ranges.received == len(seen)
    assert ranges.missing == (max(seen) - min(seen) + 1 - len(seen) if seen else 0)
    assert SequenceRanges.load(ranges.dump()).ranges == ranges.ranges


def test_a_forgotten_number_is_never_taken_for_a_duplicate() -> None:
    ranges = SequenceRanges()
    for number in range(0, 4 * SequenceRanges.LIMIT, 2):
        assert ranges.add(number)
    assert len(ranges.ranges) == SequenceRanges.LIMIT
    assert ranges.add(1)
    assert not ranges.add(4 * SequenceRanges.LIMIT - 2)
