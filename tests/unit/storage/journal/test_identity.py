"""What identities stand for over hours, boots and prunings."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from application.ports.identity import DedupResult, SampleClaim
from devices.sequence_ranges import SequenceRanges
from devices.time_us import HOUR_US
from storage.journal.sqlite_dedup_index import SqliteDedupIndex

HOUR = 500_000


@pytest.fixture
def identity(tmp_path: Path) -> Iterator[SqliteDedupIndex]:
    identity = SqliteDedupIndex(tmp_path / "identity.db")
    yield identity
    identity.close()


ONE, ANOTHER = 1 << 40, 2 << 40
"""Digests beyond the 32 bits of an earlier Lautern's, of which nothing is known."""


def numbered(hour: int, digest: int = ONE) -> SampleClaim:
    return SampleClaim("L01", "#state", "", 7, digest, hour)


@pytest.mark.parametrize("later", [0, 1, 5, 47])
def test_what_has_a_number_only_is_recognised_hours_later(identity: SqliteDedupIndex, later: int) -> None:
    with identity.judge() as judgement:
        judgement.claim([numbered(HOUR), SampleClaim("L02", "telemetry", "", 1, 1, HOUR + later)])
        assert judgement.compare(numbered(HOUR + later)) is DedupResult.DUPLICATE
        assert judgement.compare(numbered(HOUR + later, digest=ANOTHER)) is DedupResult.CONFLICT


def test_sample_of_another_instant_under_a_known_number_is_a_conflict(identity: SqliteDedupIndex) -> None:
    first = SampleClaim("L01", "telemetry", "", HOUR * HOUR_US, 1, HOUR)
    with identity.judge() as judgement:
        judgement.claim([first])
        assert judgement.compare(first._replace(at=first.at + 1)) is DedupResult.CONFLICT


def test_it_knows_the_parts_a_device_has_filled(identity: SqliteDedupIndex) -> None:
    with identity.judge() as judgement:
        judgement.claim([numbered(HOUR)])
        assert judgement.knows(numbered(HOUR + 9, digest=9))
        assert not judgement.knows(numbered(HOUR)._replace(part="b"))


def test_device_that_boots_for_ever_is_bounded_however_many_numbers_each_boot_brings(
    identity: SqliteDedupIndex,
) -> None:
    for boot in range(40):
        ranges = SequenceRanges()
        ranges.add(0)
        ranges.add(1)
        with identity.judge() as judgement:
            judgement.put_ranges({("L01", f"b{boot}"): ranges, ("L02", "only"): ranges}, boot)
    identity.prune(0)
    with identity.judge() as judgement:
        kept = judgement.ranges([("L01", f"b{boot}") for boot in range(40)] + [("L02", "only")])
    assert len(kept) == 17
    assert ("L01", "b39") in kept
    assert ("L02", "only") in kept


def test_forgotten_verdicts_are_none(identity: SqliteDedupIndex) -> None:
    with identity.judge() as judgement:
        judgement.put_verdicts("lane", 1, b"x")
    identity.forget_verdicts("lane", 1)
    assert identity.verdicts("lane", 1) is None
