"""Identity decides once: new, duplicate, conflict; across restarts and failed transactions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.instants import HOUR_US
from devices.ports.identity import Claim, Standing
from devices.sequence import SeqRanges
from storage.journal.sqlite_identity import SqliteIdentity, SqliteVerdicts

TS = 500_000 * HOUR_US
NEW = 2**33
"""Digests below this are of an older Lautern."""


def claim(at: int, digest: int = NEW, part: str = "", device: str = "L01") -> Claim:
    return Claim(device, "telemetry", part, at, digest, at // HOUR_US)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "identity.db"


@pytest.fixture
def identity(path: Path) -> Iterator[SqliteIdentity]:
    identity = SqliteIdentity(path)
    yield identity
    identity.close()


def test_the_first_stays(identity: SqliteIdentity) -> None:
    with identity.judge() as judgement:
        assert judgement.claim([claim(TS), claim(TS, part="b"), claim(TS, device="L02")]) == [Standing.NEW] * 3
    with identity.judge() as judgement:
        standings = judgement.claim([claim(TS), claim(TS, digest=2 * NEW), claim(TS + 1)])
        assert standings == [Standing.DUPLICATE, Standing.CONFLICT, Standing.NEW]
        assert judgement.claim([claim(TS)]) == [Standing.DUPLICATE]


def test_within_one_call_too(identity: SqliteIdentity) -> None:
    with identity.judge() as judgement:
        standings = judgement.claim([claim(TS), claim(TS), claim(TS, digest=9 * NEW), claim(TS + HOUR_US)])
    assert standings == [Standing.NEW, Standing.DUPLICATE, Standing.CONFLICT, Standing.NEW]


def test_within_one_call_the_first_to_come_stays_whatever_it_says(identity: SqliteIdentity) -> None:
    with identity.judge() as judgement:
        standings = judgement.claim([claim(TS, digest=9 * NEW), claim(TS, digest=1 * NEW), claim(TS, digest=9 * NEW)])
        assert standings == [Standing.NEW, Standing.CONFLICT, Standing.DUPLICATE]
        assert judgement.compare(claim(TS, digest=9 * NEW)) is Standing.DUPLICATE
        assert judgement.compare(claim(TS, digest=1 * NEW)) is Standing.CONFLICT


def test_digests_of_an_older_lautern_call_nothing_a_conflict(identity: SqliteIdentity) -> None:
    with identity.judge() as judgement:
        judgement.claim([claim(TS, digest=2**32 - 1)])
        assert judgement.claim([claim(TS, digest=-NEW)]) == [Standing.DUPLICATE]
        assert judgement.claim([claim(TS + 1, digest=NEW), claim(TS + 1, digest=-NEW)])[1] is Standing.CONFLICT


def test_a_failed_transaction_takes_nothing(identity: SqliteIdentity) -> None:
    def fails() -> None:
        with identity.judge() as judgement:
            judgement.claim([claim(TS)])
            judgement.put_verdicts("lane", 1, b"x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert identity.judged_through("lane") == 0
    with identity.judge() as judgement:
        assert judgement.claim([claim(TS)]) == [Standing.NEW]


def test_it_remembers_across_a_restart(path: Path) -> None:
    first = SqliteIdentity(path)
    ranges = SeqRanges()
    ranges.add(5)
    with first.judge() as judgement:
        judgement.claim([claim(TS)])
        judgement.put_ranges({("L01", "b1"): ranges}, TS)
        judgement.put_verdicts("lane", 7, b"verdicts")
    first.close()
    second, verdicts = SqliteIdentity(path), SqliteVerdicts(path)
    assert second.judged_through("lane") == 7
    assert verdicts.verdicts("lane", 7) == b"verdicts"
    with second.judge() as judgement:
        assert judgement.claim([claim(TS)]) == [Standing.DUPLICATE]
        assert judgement.ranges([("L01", "b1"), ("L01", "b2")])["L01", "b1"].ranges == [[5, 5]]
        assert judgement.part_count("L01") == 1
    verdicts.close()
    second.close()


def test_a_device_keeps_its_newest_boots(identity: SqliteIdentity) -> None:
    for boot in range(40):
        ranges = SeqRanges()
        ranges.add(0)
        with identity.judge() as judgement:
            judgement.put_ranges({("L01", f"b{boot}"): ranges}, boot)
    with identity.judge() as judgement:
        known = judgement.ranges([("L01", f"b{boot}") for boot in range(40)])
    assert {boot for _, boot in known} == {f"b{boot}" for boot in range(24, 40)}


def test_prune_forgets_what_was_not_written_to_for_long(path: Path) -> None:
    identity = SqliteIdentity(path, window_us=HOUR_US)
    with identity.judge() as judgement:
        judgement.claim([claim(TS)])
    identity.prune(2**62)
    with identity.judge() as judgement:
        assert judgement.claim([claim(TS)]) == [Standing.NEW]
    identity.close()
