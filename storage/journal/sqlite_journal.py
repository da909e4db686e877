"""`JournalWriter` and `JournalReader` on a SQLite file of their own, one row per batch."""

import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from application.ports.journal import JournalBatch, JournalFill
from devices.errors import ConfigurationError, DiskFull, JournalFull
from devices.samples import RawMessage
from storage.journal import sqlite_file
from storage.journal.encoding import decode_messages, encode_messages

FORMAT = "1"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS batch (
  id INTEGER PRIMARY KEY AUTOINCREMENT, messages INTEGER NOT NULL, oldest_us INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO meta VALUES ('format', '1');
"""


class SqliteJournalWriter:
    """Appends batches; each commit is on disk when `append` returns. Raises JournalUnavailable when made."""

    def __init__(self, path: Path, bound_bytes: int, reserve_bytes: int = 64 * 2**20) -> None:
        self._path = path
        self._bound_bytes = bound_bytes
        self._reserve_bytes = reserve_bytes
        self._connection, self.set_aside = sqlite_file.open_writer(path, _SCHEMA, cache_kib=1000)
        with sqlite_file.journal_errors():
            self._connection.execute("INSERT OR IGNORE INTO meta VALUES ('journal_id', ?)", (uuid.uuid4().hex,))
            self._require_known_format()
            self._newest = self._never_given_before()
        self._release = 0
        self._dropped = 0

    def _require_known_format(self) -> None:
        (found,) = self._connection.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
        if found != FORMAT:
            self._connection.close()
            raise ConfigurationError(
                f"{self._path.name} has format {found}, this version reads {FORMAT}: start the version that wrote it"
                " once more with devices and broker stopped, so that it empties the file"
            )

    def _never_given_before(self) -> int:
        """A file that lost its end must not give the ids again that the cursors have passed: they would skip them."""
        row = self._connection.execute("SELECT max(seq) FROM sqlite_sequence").fetchone()
        return max(row[0] or 0, time.time_ns() // 1000)

    def append(self, messages: Sequence[RawMessage]) -> int:
        """See `JournalWriter.append`."""
        data, oldest_us = encode_messages(messages), min(m.received_us for m in messages)
        batch_id, refused = self._newest + 1, None
        with self._dropping_released():
            refused = self._no_room_for(len(data))
            if refused is None:
                row = (batch_id, len(messages), oldest_us, data)
                self._connection.execute("INSERT INTO batch VALUES (?, ?, ?, ?)", row)
        if refused is not None:
            raise refused
        self._newest = batch_id
        return batch_id

    def _no_room_for(self, size: int) -> JournalFull | None:
        if sqlite_file.used_bytes(self._connection) + size > self._bound_bytes:
            return JournalFull(f"bound of {self._bound_bytes} bytes")
        if shutil.disk_usage(self._path.parent).free < self._reserve_bytes + size:
            return DiskFull(f"less than {self._reserve_bytes} bytes free on the disk")
        return None

    @contextmanager
    def _dropping_released(self) -> Iterator[None]:
        """One transaction, in which what was released goes first."""
        release = self._release
        with sqlite_file.journal_transaction(self._connection):
            if release > self._dropped:
                self._connection.execute("DELETE FROM batch WHERE id <= ?", (release,))
            yield
        self._dropped = release

    def release(self, through: int) -> None:
        """See `JournalWriter.release`; happens with the next append or `settle`."""
        self._release = max(self._release, through)

    def settle(self) -> None:
        """Drop what was released and give space back; called when nothing else is to do."""
        if self._release > self._dropped:
            with self._dropping_released():
                pass
        with sqlite_file.journal_errors():
            sqlite_file.give_back(self._connection)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


class SqliteJournalReader:
    """Reads batches, from the writer's process or another."""

    def __init__(self, path: Path, bound_bytes: int) -> None:
        self._bound_bytes = bound_bytes
        self._connection = sqlite_file.open_reader(path)
        with sqlite_file.journal_errors():
            row = self._connection.execute("SELECT value FROM meta WHERE name = 'journal_id'").fetchone()
        self.journal_id: str = row[0]

    def read(self, after: int) -> JournalBatch | None:
        """See `JournalReader.read`."""
        with sqlite_file.journal_errors():
            row = self._connection.execute(
                "SELECT id, data FROM batch WHERE id > ? ORDER BY id LIMIT 1", (after,)
            ).fetchone()
        return None if row is None else JournalBatch(row[0], decode_messages(row[1]))

    def fill(self) -> JournalFill:
        """See `JournalReader.fill`."""
        with sqlite_file.journal_errors():
            count, oldest, newest = self._connection.execute(
                "SELECT coalesce(sum(messages), 0), min(oldest_us), max(id) FROM batch"
            ).fetchone()
            return JournalFill(sqlite_file.used_bytes(self._connection), self._bound_bytes, count, oldest, newest or 0)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
