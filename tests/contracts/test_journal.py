"""The journal's contract on SQLite: durable, ordered, bounded, readable from elsewhere, damaged files set aside."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import ConfigurationError, JournalFull
from devices.samples import RawMessage
from storage.journal.encoding import decode_messages, encode_messages
from storage.journal.sqlite_journal import SqliteJournalReader, SqliteJournalWriter

BOUND = 4 * 2**20
WRITTEN_BY_0_1_0 = Path(__file__).parents[1] / "payloads" / "journal" / "format-1.db"


def message(number: int, size: int = 10) -> RawMessage:
    return RawMessage(
        b"city/v1/kl/streetlight/L01/telemetry",
        b"%0*d" % (size, number),
        1,
        retained=False,
        duplicate=False,
        received_us=1000 + number,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def writer(path: Path) -> Iterator[SqliteJournalWriter]:
    writer = SqliteJournalWriter(path, BOUND)
    yield writer
    writer.close()


@pytest.fixture
def reader(path: Path, writer: SqliteJournalWriter) -> Iterator[SqliteJournalReader]:
    reader = SqliteJournalReader(path, BOUND)
    yield reader
    reader.close()


_RAW = st.builds(
    RawMessage,
    st.binary(max_size=50),
    st.binary(max_size=300),
    st.integers(0, 2),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**62),
)


@given(st.lists(_RAW, max_size=20))
def test_messages_come_back_as_they_were(messages: list[RawMessage]) -> None:
    assert decode_messages(encode_messages(messages)) == messages


def test_batches_come_in_order_until_there_is_none(writer: SqliteJournalWriter, reader: SqliteJournalReader) -> None:
    ids = [writer.append([message(n), message(n + 100)]) for n in range(3)]
    assert ids == [ids[0], ids[0] + 1, ids[0] + 2]
    after, seen = 0, []
    while (batch := reader.read(after)) is not None:
        after = batch.batch_id
        seen += [m.received_us - 1000 for m in batch.messages]
    assert seen == [0, 100, 1, 101, 2, 102]


def test_ids_go_on_after_everything_was_released_and_the_file_was_reopened(path: Path) -> None:
    first = SqliteJournalWriter(path, BOUND)
    old = first.append([message(1)])
    first.release(old)
    first.settle()
    first.close()
    second = SqliteJournalWriter(path, BOUND)
    assert second.append([message(2)]) > old
    second.close()


def test_no_id_is_given_again_when_the_file_lost_its_end(path: Path) -> None:
    """As after a power cut with a disk that lies: cursors have passed these ids and would skip what bears them."""
    first = SqliteJournalWriter(path, BOUND)
    first.append([message(1)])
    first.close()
    kept = path.read_bytes()
    second = SqliteJournalWriter(path, BOUND)
    passed = [second.append([message(n)]) for n in range(50)]
    second.close()
    path.write_bytes(kept)
    third = SqliteJournalWriter(path, BOUND)
    assert third.append([message(99)]) > max(passed)
    third.close()


def test_released_batches_leave_and_others_stay(writer: SqliteJournalWriter, reader: SqliteJournalReader) -> None:
    ids = [writer.append([message(n)]) for n in range(5)]
    writer.release(ids[2])
    writer.settle()
    batch = reader.read(0)
    assert batch is not None
    assert batch.batch_id == ids[3]
    assert reader.fill().messages == 2


def test_at_the_bound_it_refuses_and_keeps_what_it_has(
    writer: SqliteJournalWriter, reader: SqliteJournalReader
) -> None:
    kept: list[int] = []
    with suppress(JournalFull):
        while True:
            kept.append(writer.append([message(len(kept), 100_000)]))
    assert 20 < len(kept) < 42
    assert reader.fill().messages == len(kept)
    writer.release(kept[-1])
    writer.settle()
    assert writer.append([message(999)]) > kept[-1]


def test_it_refuses_before_the_disk_is_full(path: Path) -> None:
    writer = SqliteJournalWriter(path, BOUND, reserve_bytes=2**62)
    with pytest.raises(JournalFull, match="free"):
        writer.append([message(1)])
    writer.close()


def test_a_damaged_file_is_set_aside_and_a_new_one_has_another_id(path: Path) -> None:
    first = SqliteJournalWriter(path, BOUND)
    first.append([message(1)])
    first.close()
    reader = SqliteJournalReader(path, BOUND)
    old_id = reader.journal_id
    reader.close()
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 100)
    second = SqliteJournalWriter(path, BOUND)
    assert second.set_aside is not None
    assert second.set_aside.exists()
    second.append([message(2)])
    again = SqliteJournalReader(path, BOUND)
    assert again.journal_id != old_id
    again.close()
    second.close()


def test_a_file_of_version_1_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Written by Lautern 0.1.0; it must be drained by every later version."""
    path = tmp_path / "journal.db"
    path.write_bytes(WRITTEN_BY_0_1_0.read_bytes())
    writer, reader = SqliteJournalWriter(path, BOUND), SqliteJournalReader(path, BOUND)
    batch = reader.read(0)
    assert batch is not None
    assert list(batch.messages) == [message(number) for number in range(3)]
    assert reader.read(batch.batch_id) is None
    reader.close()
    writer.close()


def test_a_file_of_another_format_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    SqliteJournalWriter(path, BOUND).close()
    with closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE meta SET value = '2' WHERE name = 'format'")
        file.commit()
    with pytest.raises(ConfigurationError, match="format 2"):
        SqliteJournalWriter(path, BOUND)
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT value FROM meta WHERE name = 'format'").fetchone() == ("2",)
