"""The gateway's own files on a disk without room: each call answers, or says so as an error that passes."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from application.ports.identity import DedupResult, SampleClaim
from devices.errors import DiskFull, JournalUnavailable
from devices.samples import RawMessage
from devices.time_us import HOUR_US
from storage.journal.sqlite_dedup_index import SqliteDedupIndex, SqliteVerdicts
from storage.journal.sqlite_journal import SqliteJournalReader, SqliteJournalWriter
from tests.real_parts.small_disk import fill, require_small, small_disk

LANE = "lane"
BOUND = 64 * 2**20
ROUNDS = 40


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 4) as disk:
        require_small(disk)
        yield disk


def judged(identity: SqliteDedupIndex, number: int, claims: int = 200) -> list[DedupResult]:
    hour = 1 + number % 50
    with identity.judge() as judgement:
        standings = judgement.claim(
            [SampleClaim("L01", "telemetry", "", 1000 * number + i, 7, hour) for i in range(claims)]
        )
        judgement.put_verdicts(LANE, number, b"v" * 2000)
    return standings


def tried(call: Callable[[], object]) -> object:
    """What it answers, or the error that passes; any other error ends the program, and with it the test."""
    try:
        return call()
    except JournalUnavailable as error:
        return error


def test_identities_say_so_and_go_on_when_there_is_room(disk: Path) -> None:
    path = disk / "identity.db"
    with closing(SqliteDedupIndex(path)) as identity, closing(SqliteVerdicts(path)) as verdicts:
        for number in range(1, ROUNDS):
            judged(identity, number)
        filler = fill(disk)
        answers = {number: tried(partial(judged, identity, number)) for number in range(ROUNDS, 2 * ROUNDS)}
        refused = [number for number, answer in answers.items() if isinstance(answer, DiskFull)]
        assert refused, "the disk is full"
        last = refused[0] - 1
        forgotten = [tried(partial(identity.forget_verdicts, LANE, number)) for number in range(1, ROUNDS)]
        pruned = [tried(partial(identity.prune, number * HOUR_US)) for number in (1, 10**6)]
        assert any(isinstance(answer, DiskFull) for answer in [*forgotten, *pruned])
        assert tried(lambda: identity.judged_through(LANE)) == last
        assert tried(lambda: verdicts.verdicts(LANE, last)) == b"v" * 2000
        filler.unlink()
        assert judged(identity, refused[0]) == [DedupResult.NEW] * 200, "what was refused was not kept"
        identity.forget_verdicts(LANE, last)
        assert identity.verdicts(LANE, last) is None


def test_the_journal_says_so_and_goes_on_when_there_is_room(disk: Path) -> None:
    path = disk / "journal.db"
    message = RawMessage(b"city/v1/kl/streetlight/L01/telemetry", b"x" * 1000, 1, False, False, 1000)  # noqa: FBT003
    with (
        closing(SqliteJournalWriter(path, BOUND, reserve_bytes=0)) as writer,
        closing(SqliteJournalReader(path, BOUND)) as reader,
    ):
        ids = [writer.append([message] * 20) for _ in range(ROUNDS)]
        filler = fill(disk)
        answers = [tried(lambda: writer.append([message] * 20)) for _ in range(ROUNDS)]
        assert isinstance(answers[-1], DiskFull)
        kept = [*ids, *(answer for answer in answers if isinstance(answer, int))]
        for number in kept:
            writer.release(number)
            tried(writer.settle)
        assert tried(lambda: reader.fill().newest_batch_id) in {0, kept[-1]}
        filler.unlink()
        again = writer.append([message])
        found = reader.read(kept[-1])
        assert found is not None
        assert found.batch_id == again


def test_no_file_is_taken_for_damaged_when_there_is_no_room(disk: Path) -> None:
    """Neither one that is there nor one that cannot be made."""
    identity = SqliteDedupIndex(disk / "identity.db")
    judged(identity, 1)
    identity.close()
    filler = fill(disk)
    opened = tried(lambda: SqliteDedupIndex(disk / "identity.db"))
    assert isinstance(opened, SqliteDedupIndex | JournalUnavailable)
    if isinstance(opened, SqliteDedupIndex):
        opened.close()
    assert isinstance(tried(lambda: SqliteJournalWriter(disk / "journal.db", BOUND)), JournalUnavailable)
    assert not list(disk.glob("*damaged*"))
    filler.unlink()
    with closing(SqliteDedupIndex(disk / "identity.db")) as identity:
        assert identity.judged_through(LANE) == 1
