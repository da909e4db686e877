"""Identity decides once: new, duplicate, conflict; across restarts and failed transactions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from application.ports.identity import DedupResult, SampleClaim
from devices.sequence_ranges import SequenceRanges
from devices.time_us import HOUR_US
from storage.journal.sqlite_dedup_index import SqliteDedupIndex, SqliteVerdicts

TS = 500_000 * HOUR_US
NEW = 2**33
"""Digests below this are of an older Lautern."""


def claim(at: int, digest: int = NEW, part: str = "", device: str = "L01") -> SampleClaim:
    return SampleClaim(device, "telemetry", part, at, digest, at // HOUR_US)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "identity.db"


@pytest.fixture
def identity(path: Path) -> Iterator[SqliteDedupIndex]:
    identity = SqliteDedupIndex(path)
    yield identity
    identity.close()


def test_the_first_stays(identity: SqliteDedupIndex) -> None:
    with identity.judge() as judgement:
        assert judgement.claim([claim(TS), claim(TS, part="b"), claim(TS, device="L02")]) == [DedupResult.NEW] * 3
    with identity.judge() as judgement:
        standings = judgement.claim([claim(TS), claim(TS, digest=2 * NEW), claim(TS + 1)])
        assert standings == [DedupResult.DUPLICATE, DedupResult.CONFLICT, DedupResult.NEW]
        assert judgement.claim([claim(TS)]) == [DedupResult.DUPLICATE]


def test_within_one_call_too(identity: SqliteDedupIndex) -> None:
    with identity.judge() as judgement:
        standings = judgement.claim([claim(TS), claim(TS), claim(TS, digest=9 * NEW), claim(TS + HOUR_US)])
    assert standings == [DedupResult.NEW, DedupResult.DUPLICATE, DedupResult.CONFLICT, DedupResult.NEW]


def test_within_one_call_the_first_to_come_stays_whatever_it_says(identity: SqliteDedupIndex) -> None:
    with identity.judge() as judgement:
        standings = judgement.claim([claim(TS, digest=9 * NEW), claim(TS, digest=1 * NEW), claim(TS, digest=9 * NEW)])
        assert standings == [DedupResult.NEW, DedupResult.CONFLICT, DedupResult.DUPLICATE]
        assert judgement.compare(claim(TS, digest=9 * NEW)) is DedupResult.DUPLICATE
        assert judgement.compare(claim(TS, digest=1 * NEW)) is DedupResult.CONFLICT


def test_digests_of_an_older_lautern_call_nothing_a_conflict(identity: SqliteDedupIndex) -> None:
    with identity.judge() as judgement:
        judgement.claim([claim(TS, digest=2**32 - 1)])
        assert judgement.claim([claim(TS, digest=-NEW)]) == [DedupResult.DUPLICATE]
        assert judgement.claim([claim(TS + 1, digest=NEW), claim(TS + 1, digest=-NEW)])[1] is DedupResult.CONFLICT


def test_a_failed_transaction_takes_nothing(identity: SqliteDedupIndex) -> None:
    def fails() -> None:
        with identity.judge() as judgement:
            judgement.claim([claim(TS)])
            judgement.put_verdicts("lane", 1, b"x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert identity.judged_through("lane") == 0
    with identity.judge() as judgement:
        assert judgement.claim([claim(TS)]) == [DedupResult.NEW]


def test_it_remembers_across_a_restart(path: Path) -> None:
    first = SqliteDedupIndex(path)
    ranges = SequenceRanges()
    ranges.add(5)
    with first.judge() as judgement:
        judgement.claim([claim(TS)])
        judgement.put_ranges({("L01", "b1"): ranges}, TS)
        judgement.put_verdicts("lane", 7, b"verdicts")
    first.close()
    second, verdicts = SqliteDedupIndex(path), SqliteVerdicts(path)
    assert second.judged_through("lane") == 7
    assert verdicts.verdicts("lane", 7) == b"verdicts"
    with second.judge() as judgement:
        assert judgement.claim([claim(TS)]) == [DedupResult.DUPLICATE]
        assert judgement.ranges([("L01", "b1"), ("L01", "b2")])["L01", "b1"].ranges == [[5, 5]]
        assert judgement.part_count("L01") == 1
    verdicts.close()
    second.close()


def test_a_device_keeps_its_newest_boots(identity: SqliteDedupIndex) -> None:
    for boot in range(40):
        ranges = SequenceRanges()
        ranges.add(0)
        with identity.judge() as judgement:
            judgement.put_ranges({("L01", f"b{boot}"): ranges}, boot)
    with identity.judge() as judgement:
        known = judgement.ranges([("L01", f"b{boot}") for boot in range(40)])
    assert {boot for _, boot in known} == {f"b{boot}" for boot in range(24, 40)}


def test_prune_forgets_what_was_not_written_to_for_long(path: Path) -> None:
    identity = SqliteDedupIndex(path, window_us=HOUR_US)
    with identity.judge() as judgement:
        judgement.claim([claim(TS)])
    identity.prune(2**62)
    with identity.judge() as judgement:
        assert judgement.claim([claim(TS)]) == [DedupResult.NEW]
    identity.close()
