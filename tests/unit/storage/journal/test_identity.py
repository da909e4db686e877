"""What identities stand for over hours, boots and prunings."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.instants import HOUR_US
from devices.ports.identity import Claim, Standing
from devices.sequence import SeqRanges
from storage.journal.sqlite_identity import SqliteIdentity

HOUR = 500_000


@pytest.fixture
def identity(tmp_path: Path) -> Iterator[SqliteIdentity]:
    identity = SqliteIdentity(tmp_path / "identity.db")
    yield identity
    identity.close()


ONE, ANOTHER = 1 << 40, 2 << 40
"""Digests beyond the 32 bits of an earlier Lautern's, of which nothing is known."""


def numbered(hour: int, digest: int = ONE) -> Claim:
    return Claim("L01", "#state", "", 7, digest, hour)


@pytest.mark.parametrize("later", [0, 1, 5, 47])
def test_what_has_a_number_only_is_recognised_hours_later(identity: SqliteIdentity, later: int) -> None:
    with identity.judge() as judgement:
        judgement.claim([numbered(HOUR), Claim("L02", "telemetry", "", 1, 1, HOUR + later)])
        assert judgement.compare(numbered(HOUR + later)) is Standing.DUPLICATE
        assert judgement.compare(numbered(HOUR + later, digest=ANOTHER)) is Standing.CONFLICT


def test_sample_of_another_instant_under_a_known_number_is_a_conflict(identity: SqliteIdentity) -> None:
    first = Claim("L01", "telemetry", "", HOUR * HOUR_US, 1, HOUR)
    with identity.judge() as judgement:
        judgement.claim([first])
        assert judgement.compare(first._replace(at=first.at + 1)) is Standing.CONFLICT


def test_it_knows_the_parts_a_device_has_filled(identity: SqliteIdentity) -> None:
    with identity.judge() as judgement:
        judgement.claim([numbered(HOUR)])
        assert judgement.knows(numbered(HOUR + 9, digest=9))
        assert not judgement.knows(numbered(HOUR)._replace(part="b"))


def test_device_that_boots_for_ever_is_bounded_however_many_numbers_each_boot_brings(identity: SqliteIdentity) -> None:
    for boot in range(40):
        ranges = SeqRanges()
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


def test_forgotten_verdicts_are_none(identity: SqliteIdentity) -> None:
    with identity.judge() as judgement:
        judgement.put_verdicts("lane", 1, b"x")
    identity.forget_verdicts("lane", 1)
    assert identity.verdicts("lane", 1) is None
